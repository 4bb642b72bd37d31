using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Datapath.Endpoints;
using Cilium.Ipam;
using Cilium.Kubernetes;

namespace Cilium.ControlPlane.Tests.Endpoints;

public sealed class EndpointEgressTests
{
    private static readonly EndpointRow s_row = new()
    {
        Id = new EndpointId(1),
        InterfaceName = "lxc1",
        InterfaceIndex = 7,
        PodMac = MacAddress.None,
        HostMac = MacAddress.None,
        IPv4 = IpAddr.Parse("10.20.0.5"),
        IPv6 = IpAddr.Parse("fd00:20::5"),
        Identity = Identity.Host,
    };

    [Fact]
    public void Pods_of_a_pool_that_skips_masquerading_keep_their_address_in_the_world()
    {
        var test = new TestTables();
        test.Options.Ipam = "multi-pool";
        var egress = new EndpointEgress(test.Tables, test.Options);
        Assert.False(egress.Complete(s_row, null).SkipsIPv4Masquerade);
        test.Write(write =>
        {
            write.Upsert(test.Kubernetes.CiliumNodes, new CiliumNodeRow
            {
                Name = test.Options.NodeName,
                AllocatedPools = [new PoolCidrs("public", [Prefix.Parse("10.20.0.0/27")]), new PoolCidrs("default", [Prefix.Parse("10.10.0.0/27"), Prefix.Parse("fd00:20::/120")])],
            });
            write.Upsert(test.Kubernetes.PodIPPools, Pool("public", skips: true));
            write.Upsert(test.Kubernetes.PodIPPools, Pool("default", skips: false));
        });
        var row = egress.Complete(s_row, null);
        Assert.Equal((true, false), (row.SkipsIPv4Masquerade, row.SkipsIPv6Masquerade));

        // The pool's object goes: what was in force stays, until another says otherwise.
        test.Write(write => write.Delete(test.Kubernetes.PodIPPools, "public"));
        Assert.True(egress.Complete(s_row, row).SkipsIPv4Masquerade);
        Assert.False(egress.Complete(s_row with { IPv4 = IpAddr.Parse("10.20.0.6") }, row).SkipsIPv4Masquerade);
        test.Write(write => write.Upsert(test.Kubernetes.PodIPPools, Pool("public", skips: false)));
        Assert.False(egress.Complete(s_row, row).SkipsIPv4Masquerade);
    }

    private static PodIPPoolRow Pool(string name, bool skips) => new() { Name = name, Definition = new PoolDefinition(name, null, null), SkipsMasquerade = skips };
}
