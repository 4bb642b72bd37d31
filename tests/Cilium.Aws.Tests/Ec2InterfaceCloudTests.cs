using Cilium.Aws.Tests.Ec2;
using Cilium.Core;
using Cilium.Ipam;

namespace Cilium.Aws.Tests;

public sealed class Ec2InterfaceCloudTests : IAsyncLifetime
{
    private readonly Ec2Model _model = Scenes.Model();
    private readonly Ec2Endpoint _endpoint;
    private Ec2InterfaceCloud _cloud = null!;

    public Ec2InterfaceCloudTests() => _endpoint = new Ec2Endpoint(_model, pageSize: 2);

    public async ValueTask InitializeAsync()
    {
        await _endpoint.StartAsync();
        _cloud = Scenes.Cloud(_endpoint);
    }

    public async ValueTask DisposeAsync()
    {
        _cloud.Dispose();
        await _endpoint.DisposeAsync();
    }

    [Fact]
    public async Task Everything_is_read_page_by_page()
    {
        for (var i = 0; i < 5; i++) Scenes.Start(_model, i);
        _model.Create("subnet-a", "left over", ["sg-1"], new() { ["io.cilium/cilium-managed"] = "true" }, 2, 1, "");
        var read = await _cloud.ReadAsync(CancellationToken.None);
        Assert.Equal(5, read.Instances.Count);
        Assert.All(read.Instances.Values, type => Assert.Equal("m5.large", type));
        Assert.Equal(6, read.Interfaces.Count);
        var first = Assert.Single(read.Interfaces, found => found.InstanceId == "i-0");
        Assert.Equal((0, "subnet-a", "vpc-1", "eu-1a"), (first.Index, first.SubnetId, first.Network, first.Zone));
        Assert.Equal(["sg-1"], first.SecurityGroups);
        Assert.NotEqual(MacAddress.None, first.Mac);
        var loose = Assert.Single(read.Interfaces, found => found.InstanceId.Length == 0);
        Assert.Equal((2, 1, "true"), (loose.Addresses.Count, loose.Prefixes.Count, loose.Tags["io.cilium/cilium-managed"]));
        Assert.DoesNotContain(loose.PrimaryAddress, loose.Addresses);
        Assert.Equal(3, read.Subnets.Count);
        Assert.Equal(Prefix.Parse("10.0.0.0/24"), read.Subnets.Single(subnet => subnet.Id == "subnet-a").Cidr);
        Assert.Equal([Prefix.Parse("10.0.0.0/16"), Prefix.Parse("10.1.0.0/16")], read.Networks["vpc-1"]);
        Assert.Equal(3, _endpoint.Calls.Count(call => call == "DescribeInstances"));
        Assert.Equal(3, _endpoint.Calls.Count(call => call == "DescribeNetworkInterfaces"));
    }

    [Fact]
    public async Task Only_instances_and_subnets_with_the_tags_of_filters_are_looked_at()
    {
        Scenes.Start(_model, 1);
        _model.Instances["i-1"].Tags["cluster"] = "mine";
        Scenes.Start(_model, 2);
        using var cloud = Scenes.Cloud(_endpoint, options => options with
        {
            InstanceTags = new Dictionary<string, string> { ["cluster"] = "mine" },
            SubnetTags = new Dictionary<string, string> { ["for"] = "pods" },
            SubnetIds = ["subnet-b", "subnet-a"],
        });
        var read = await cloud.ReadAsync(CancellationToken.None);
        Assert.Equal(["i-1"], read.Instances.Keys);
        Assert.Equal(["subnet-b"], read.Subnets.Select(subnet => subnet.Id));
    }

    [Fact]
    public async Task Interfaces_are_made_attached_filled_and_emptied()
    {
        Scenes.Start(_model, 0);
        var made = await _cloud.CreateAsync(new InterfaceAttachment("subnet-b", 1, 3, false, ["sg-1"]), "Cilium-CNI (i-0)", CancellationToken.None);
        Assert.Equal((3, "Cilium-CNI (i-0)", "true"), (made.Addresses.Count, made.Description, made.Tags["io.cilium/cilium-managed"]));
        await _cloud.AttachAsync(made.Id, "i-0", 1, endsWithInstance: true, CancellationToken.None);
        await _cloud.AssignAsync(new InterfaceAssignment(made.Id, 2, false), CancellationToken.None);
        await _cloud.AssignAsync(new InterfaceAssignment(made.Id, 1, true), CancellationToken.None);
        await _cloud.UnassignAsync(made.Id, [made.Addresses[0]], CancellationToken.None);
        var found = Assert.Single(await _cloud.ReadInstanceAsync("i-0", CancellationToken.None), one => one.Index == 1);
        Assert.Equal((4, 1), (found.Addresses.Count, found.Prefixes.Count));
        Assert.DoesNotContain(made.Addresses[0], found.Addresses);
        Assert.True(_model.Read(all => all.Single(one => one.Id == made.Id).EndsWithInstance));
        var other = await _cloud.CreateAsync(new InterfaceAttachment("subnet-b", 1, 2, true, []), "", CancellationToken.None);
        Assert.Equal(2, other.Prefixes.Count);
        await _cloud.DeleteAsync(other.Id, CancellationToken.None);
        await _cloud.DeleteAsync(other.Id, CancellationToken.None);
    }

    [Theory]
    [InlineData("RequestLimitExceeded", CloudRefusal.Throttled)]
    [InlineData("InsufficientFreeAddressesInSubnet", CloudRefusal.SubnetExhausted)]
    [InlineData("InsufficientCidrBlocks", CloudRefusal.SubnetExhausted)]
    [InlineData("AttachmentLimitExceeded", CloudRefusal.LimitReached)]
    [InlineData("PrivateIpAddressLimitExceeded", CloudRefusal.LimitReached)]
    [InlineData("InvalidNetworkInterfaceID.NotFound", CloudRefusal.NotFound)]
    [InlineData("UnauthorizedOperation", CloudRefusal.Other)]
    public async Task Refusals_say_why(string code, CloudRefusal reason)
    {
        _endpoint.Before = _ => throw new Ec2Fault(code, "it says");
        var refused = await Assert.ThrowsAsync<CloudRefusedException>(() => _cloud.AssignAsync(new InterfaceAssignment("eni-1", 1, false), CancellationToken.None));
        Assert.Equal((reason, code, "AssignPrivateIpAddresses"), (refused.Reason, refused.Code, refused.Call));
        Assert.Equal($"AssignPrivateIpAddresses: {code}: it says", refused.Message);
        Assert.Equal(reason == CloudRefusal.Throttled ? 6 : 1, _endpoint.Calls.Count);
    }

    [Fact]
    public async Task Throttled_calls_are_made_again_until_they_go_through()
    {
        Scenes.Start(_model, 0);
        var left = 4;
        _endpoint.Before = _ =>
        {
            if (left-- > 0) throw Ec2Fault.Throttled();
        };
        Assert.Single(await _cloud.ReadInstanceAsync("i-0", CancellationToken.None));
        Assert.Equal(5, _endpoint.Calls.Count);
    }

    [Fact]
    public async Task What_may_have_been_done_is_repeated_only_where_twice_is_once()
    {
        Scenes.Start(_model, 0);
        var first = _model.Read(all => all.Single()).Id;
        var failures = 1;
        _endpoint.After = call =>
        {
            if (!call.StartsWith("Describe", StringComparison.Ordinal) && failures-- > 0) throw Ec2Fault.Broken();
        };
        await Assert.ThrowsAsync<CloudRefusedException>(() => _cloud.AssignAsync(new InterfaceAssignment(first, 3, false), CancellationToken.None));
        Assert.Equal(3, _model.Read(all => all.Single().Addresses.Count));
        failures = 2;
        await _cloud.CreateAsync(new InterfaceAttachment("subnet-b", 1, 1, false, []), "", CancellationToken.None);
        Assert.Equal(2, _model.Read(all => all.Count));
    }

    [Fact]
    public async Task Limits_are_asked_for_once_and_the_built_in_ones_do_when_that_is_refused()
    {
        Assert.Equal(new InstanceLimits(3, 10, true), await _cloud.LimitsOfAsync("m5.large", CancellationToken.None));
        Assert.Equal(new InstanceLimits(3, 10, true), await _cloud.LimitsOfAsync("m5.large", CancellationToken.None));
        Assert.Single(_endpoint.Calls);
        _endpoint.Before = _ => throw new Ec2Fault("UnauthorizedOperation", "no", 403);
        Assert.Equal(new InstanceLimits(8, 30, true), await _cloud.LimitsOfAsync("c6i.4xlarge", CancellationToken.None));
        Assert.Equal(new InstanceLimits(3, 4, false), await _cloud.LimitsOfAsync("t2.small", CancellationToken.None));
        await Assert.ThrowsAsync<CloudRefusedException>(() => _cloud.LimitsOfAsync("x9.huge", CancellationToken.None));
        _endpoint.Before = null;
        Assert.Null(await _cloud.LimitsOfAsync("x9.huge", CancellationToken.None));
    }

    [Fact]
    public void The_budget_lets_a_burst_through_and_then_so_many_per_second()
    {
        var clock = new Kubernetes.Tests.TestClock();
        var budget = new CallBudget(4, 3, clock);
        Assert.Equal([0, 0, 0, 0.25, 0.5], Enumerable.Range(0, 5).Select(_ => budget.Take().TotalSeconds));
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([0, 0, 0.25], Enumerable.Range(0, 3).Select(_ => budget.Take().TotalSeconds));
        clock.Advance(TimeSpan.FromHours(1));
        Assert.Equal(3, Enumerable.Range(0, 9).Count(_ => budget.Take() == TimeSpan.Zero));
    }
}
