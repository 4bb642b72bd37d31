using Cilium.ControlPlane.Health;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Ipam;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Tests.Health;

public sealed class HealthAddressPlanTests
{
    private readonly TestTables _test = new();
    private readonly NodeIpam _ipam = new(true, true);

    public HealthAddressPlanTests() => _ipam.SetPodCidrs([Prefix.Parse("10.0.0.0/29"), Prefix.Parse("fd00::/125")]);

    [Fact]
    public void The_addresses_that_other_nodes_know_are_taken_again()
    {
        _test.Write(write => write.Upsert(
            _test.Kubernetes.CiliumNodes, new CiliumNodeRow { Name = "node-a", HealthIPs = [IpAddr.Parse("10.0.0.5"), IpAddr.Parse("fd00::3")] }));

        var row = New().Take(out var refusal);

        Assert.Equal("", refusal);
        Assert.Equal(new HealthAddressRow("node-a", IpAddr.Parse("10.0.0.5"), IpAddr.Parse("fd00::3")), row);
        Assert.Equal(row, New().Take(out _));
        Assert.True(_test.Tables.HealthAddresses.TryGet("node-a", out var written));
        Assert.Equal(row, written);
        Assert.Equal(["health", "health"], _ipam.Snapshot().Select(lease => lease.Owner));
    }

    [Fact]
    public void Another_is_taken_when_a_pod_has_the_former_one()
    {
        _test.Write(write => write.Upsert(_test.Kubernetes.CiliumNodes, new CiliumNodeRow { Name = "node-a", HealthIPs = [IpAddr.Parse("10.0.0.5")] }));
        Assert.True(_ipam.Allocate(IpAddr.Parse("10.0.0.5"), "default/pod").IsOk);

        var row = New().Take(out _);

        Assert.NotEqual(IpAddr.Parse("10.0.0.5"), row!.IPv4);
        Assert.Equal("health", _ipam.Snapshot().Single(lease => lease.Address == row.IPv4).Owner);
    }

    [Fact]
    public void A_node_that_is_full_in_one_family_keeps_none_of_the_other()
    {
        Assert.NotNull(New().Take(out _));
        _ipam.ReleaseAllOf(AddressOwners.Health);
        for (var pod = 0; _ipam.Allocate($"default/pod-{pod}", wantsIPv4: false).IsOk; pod++)
        {
        }

        Assert.Null(New().Take(out var refusal));

        Assert.Contains("fd00::/125", refusal, StringComparison.Ordinal);
        Assert.DoesNotContain(_ipam.Snapshot(), lease => lease.Owner == "health");
        Assert.Equal(0, _test.Tables.HealthAddresses.Count);
    }

    private HealthAddressPlan New() => new(_test.Tables, _test.Options, _ipam);
}
