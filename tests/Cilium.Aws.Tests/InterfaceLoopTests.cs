using Cilium.Aws.Tests.Ec2;
using Cilium.ControlPlane.Operator;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.Aws.Tests;

public sealed class InterfaceLoopTests
{
    [Fact]
    public async Task A_node_gets_what_it_needs_and_another_interface_when_the_first_is_full()
    {
        await using var endpoint = await Endpoint(1);
        using var cluster = new InterfaceCluster(endpoint, new InterfaceOptions(), ["n0"], new AddressWatermarks());
        Assert.True(await cluster.OperateAsync("n0"));
        var row = cluster.Row("n0");
        var first = Assert.Single(row.Interfaces);
        Assert.Equal((0, "subnet-a", "10.0.0.0/24", "vpc-1", 8), (first.Number, first.SubnetId, first.SubnetCidr.ToString(), first.Network, first.Addresses.Count));
        Assert.Equal(8, row.PoolAddresses.Count);
        Assert.All(row.PoolAddresses.Values, resource => Assert.Equal(first.Id, resource));

        await cluster.ListAsync("n0");
        for (var i = 0; i < 5; i++) Assert.True(cluster.Agents["n0"].Allocate(new AddressRequest($"ns/pod-{i}")).IsOk);
        await cluster.ListAsync("n0");
        await cluster.OperateAsync("n0");
        row = cluster.Row("n0");
        Assert.Equal([9, 4], row.Interfaces.Select(eni => eni.Addresses.Count));
        Assert.Equal(("Cilium-CNI (i-0)", "subnet-b"), (row.Interfaces[1].Description, row.Interfaces[1].SubnetId));
        Assert.Equal(["sg-1"], row.Interfaces[1].SecurityGroups);
        Assert.Equal("true", row.Interfaces[1].Tags["io.cilium/cilium-managed"]);
        Assert.Equal("", row.OperatorError);
    }

    [Fact]
    public async Task Prefixes_raise_the_density_and_single_addresses_do_where_no_whole_prefix_is_free()
    {
        await using var endpoint = await Endpoint(1);
        using var cluster = new InterfaceCluster(endpoint, new InterfaceOptions { PrefersPrefixes = true }, ["n0"], new AddressWatermarks { PreAllocate = 40 });
        await cluster.OperateAsync("n0");
        Assert.Equal((3, 48), (cluster.Row("n0").Interfaces[0].Prefixes.Count, cluster.Row("n0").PoolAddresses.Count));

        // Every block of the subnet has an address that somebody has.
        await using var torn = await Endpoint(1, 27);
        torn.Model.Create("subnet-b", "others", [], [], 0, 0, "");
        var filler = torn.Model.Create("subnet-b", "others", [], [], 0, 0, "");
        torn.Model.Assign(filler.Id, 14, 0);
        torn.Model.Unassign(filler.Id, [.. filler.Addresses.Take(10)]);
        using var other = new InterfaceCluster(
            torn, new InterfaceOptions { PrefersPrefixes = true }, ["n0"], new AddressWatermarks { PreAllocate = 3 }, new NodeInstance { FirstInterfaceIndex = 1, SubnetIds = ["subnet-b"] });
        Assert.True(await other.OperateAsync("n0"));
        Assert.Equal((0, true), (other.Row("n0").Interfaces.Sum(eni => eni.Prefixes.Count), other.Row("n0").PoolAddresses.Count >= 3));
    }

    [Fact]
    public async Task What_the_cloud_refuses_is_told_and_made_good_when_it_no_longer_does()
    {
        await using var endpoint = await Endpoint(1);
        using var cluster = new InterfaceCluster(endpoint, new InterfaceOptions(), ["n0"], new AddressWatermarks());
        endpoint.Before = call =>
        {
            if (call == "AssignPrivateIpAddresses") throw new Ec2Fault("InsufficientFreeAddressesInSubnet", "none left");
        };
        Assert.False(await cluster.OperateAsync("n0"));
        Assert.Equal("AssignPrivateIpAddresses: InsufficientFreeAddressesInSubnet: none left", cluster.Row("n0").OperatorError);
        Assert.Empty(cluster.Row("n0").PoolAddresses);
        endpoint.Before = null;
        Assert.True(await cluster.OperateAsync("n0"));
        Assert.Equal(("", 8), (cluster.Row("n0").OperatorError, cluster.Row("n0").PoolAddresses.Count));
    }

    [Fact]
    public async Task An_interface_that_could_not_be_attached_is_deleted_and_one_that_was_left_is_collected()
    {
        await using var endpoint = await Endpoint(1);
        using var cluster = new InterfaceCluster(endpoint, new InterfaceOptions(), ["n0"], new AddressWatermarks(), new NodeInstance { FirstInterfaceIndex = 1 });
        endpoint.Before = call =>
        {
            if (call == "AttachNetworkInterface") throw new Ec2Fault("AttachmentLimitExceeded", "full");
        };
        Assert.False(await cluster.OperateAsync("n0"));
        Assert.Equal(1, endpoint.Model.Read(all => all.Count));
        endpoint.Before = call =>
        {
            if (call is "AttachNetworkInterface" or "DeleteNetworkInterface") throw new Ec2Fault("UnauthorizedOperation", "no");
        };
        Assert.False(await cluster.OperateAsync("n0"));
        Assert.Equal(2, endpoint.Model.Read(all => all.Count));
        endpoint.Before = null;
        using var cloud = Scenes.Cloud(endpoint);
        endpoint.Model.Create("subnet-b", "somebody else's", [], new() { ["owner"] = "other" }, 0, 0, "");
        var collector = new InterfaceCollector(cloud, new OperatorOptions().InterfaceGcTags, NullLogger.Instance);
        await collector.CollectAsync(CancellationToken.None);
        Assert.Equal(3, endpoint.Model.Read(all => all.Count));
        await collector.CollectAsync(CancellationToken.None);
        Assert.Equal(["Primary network interface", "somebody else's"], endpoint.Model.Read(all => all.Select(one => one.Description).Order(StringComparer.Ordinal).ToList()));
    }

    [Fact]
    public async Task An_interface_that_cannot_be_deleted_holds_up_no_other_and_is_tried_again()
    {
        await using var endpoint = await Endpoint(1);
        using var cloud = Scenes.Cloud(endpoint);
        var tags = new Dictionary<string, string>(new OperatorOptions().InterfaceGcTags);
        foreach (var name in new[] { "left 0", "left 1", "left 2" }) endpoint.Model.Create("subnet-b", name, [], tags, 0, 0, "");
        var refused = "";
        endpoint.Before = call =>
        {
            if (call != "DeleteNetworkInterface" || refused.Length > 0) return;
            refused = call;
            throw new Ec2Fault("UnauthorizedOperation", "no");
        };
        var collector = new InterfaceCollector(cloud, tags, NullLogger.Instance);
        await collector.CollectAsync(CancellationToken.None);
        await collector.CollectAsync(CancellationToken.None);
        Assert.Equal("DeleteNetworkInterface", refused);
        Assert.Equal(1, endpoint.Model.Read(all => all.Count(one => one.Description.StartsWith("left", StringComparison.Ordinal))));
        await collector.CollectAsync(CancellationToken.None);
        Assert.Equal(0, endpoint.Model.Read(all => all.Count(one => one.Description.StartsWith("left", StringComparison.Ordinal))));
    }

    [Fact]
    public async Task Too_many_addresses_are_given_back_but_none_in_use()
    {
        await using var endpoint = await Endpoint(1);
        var options = new InterfaceOptions { ReleasesExcess = true };
        using var cluster = new InterfaceCluster(endpoint, options, ["n0"], new AddressWatermarks { PreAllocate = 4 });
        await cluster.OperateAsync("n0");
        await cluster.ListAsync("n0");
        var pods = Enumerable.Range(0, 4).Select(i => cluster.Agents["n0"].Allocate(new AddressRequest($"ns/{i}")).IPv4!.Value.Address).ToList();
        await cluster.ListAsync("n0");
        await cluster.OperateAsync("n0");
        Assert.Equal(8, cluster.InCloud("n0").Count);
        foreach (var gone in pods.Skip(1)) cluster.Agents["n0"].Release(gone);
        await cluster.ListAsync("n0");
        await cluster.SettleAsync();
        Assert.Equal(5, cluster.InCloud("n0").Count);
        Assert.Contains(pods[0], cluster.InCloud("n0"));
        Assert.Equal((5, 0), (cluster.Row("n0").PoolAddresses.Count, cluster.Row("n0").ReleaseAddresses.Count));
    }

    [Fact]
    public async Task An_unknown_instance_or_type_is_said()
    {
        await using var endpoint = await Endpoint(1);
        using var cluster = new InterfaceCluster(endpoint, new InterfaceOptions(), ["n0"], new AddressWatermarks());
        endpoint.Model.Instances["i-0"] = endpoint.Model.Instances["i-0"] with { Type = "m5.large" };
        endpoint.Model.Instances.Remove("i-0", out var known);
        await cluster.OperateAsync("n0");
        Assert.Equal("EC2 does not know instance i-0", cluster.Row("n0").OperatorError);
        endpoint.Model.Instances["i-0"] = known!;
        cluster.Clock.Advance(TimeSpan.FromSeconds(10));
        await cluster.OperateAsync("n0");
        Assert.Equal("", cluster.Row("n0").OperatorError);
    }

    private static Task<Ec2Endpoint> Endpoint(int instances, int length = 24)
    {
        var model = Scenes.Model(length);
        for (var i = 0; i < instances; i++) Scenes.Start(model, i);
        return new Ec2Endpoint(model, pageSize: 3).StartAsync();
    }
}
