using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Datapath.Kernel;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.Datapath.Tests;

public sealed class DatapathOptionsTests
{
    public static TheoryData<string, Action<DatapathOptions>> Wrong => new()
    {
        { nameof(DatapathOptions.BpfRoot), options => options.BpfRoot = "" },
        { nameof(DatapathOptions.CgroupRoot), options => options.CgroupRoot = "" },
        { nameof(DatapathOptions.EnableIPv4), options => options.EnableIPv4 = false },
        { nameof(DatapathOptions.TunnelPort), options => options.TunnelPort = 0 },
        { nameof(DatapathOptions.Mtu), options => options.Mtu = -1 },
        { nameof(DatapathOptions.Mtu), options => options.Mtu = 625 },
        { nameof(DatapathOptions.Mtu), options => options.Mtu = 65536 },
        { nameof(DatapathOptions.NativeRoutingPrefixes), options => options.NativeRoutingPrefixes = [Prefix.Parse("10.0.0.0/8"), Prefix.Parse("172.16.0.0/12")] },
        { nameof(DatapathOptions.NativeRoutingPrefixes), options => options.NativeRoutingPrefixes = [Prefix.Parse("fd00::/8"), Prefix.Parse("fc00::/8")] },
        { nameof(DatapathOptions.NativeRoutingPrefixes), options => options.NativeRoutingPrefixes = [Prefix.Parse("::/0")] },
        { nameof(DatapathOptions.MonitorAggregationInterval), options => options.MonitorAggregationInterval = TimeSpan.FromSeconds(-1) },
        { nameof(DatapathOptions.ConntrackTimeoutTcp), options => options.ConntrackTimeoutTcp = TimeSpan.FromSeconds(-1) },
        { nameof(DatapathOptions.ConntrackTimeoutTcpSyn), options => options.ConntrackTimeoutTcpSyn = TimeSpan.Zero },
        { nameof(DatapathOptions.ConntrackTimeoutTcpFin), options => options.ConntrackTimeoutTcpFin = TimeSpan.FromMilliseconds(-1) },
        { nameof(DatapathOptions.ConntrackTimeoutAny), options => options.ConntrackTimeoutAny = TimeSpan.MaxValue },
        { nameof(DatapathOptions.ConntrackEntries), options => options.ConntrackEntries = 0 },
        { nameof(DatapathOptions.SnatEntries), options => options.SnatEntries = 0 },
        { nameof(DatapathOptions.SocketRevNatEntries), options => options.SocketRevNatEntries = 0 },
        { nameof(DatapathOptions.PolicyEntries), options => options.PolicyEntries = 0 },
        { nameof(DatapathOptions.LoadBalancingEntries), options => options.LoadBalancingEntries = 0 },
        { nameof(DatapathOptions.TracePayloadLength), options => options.TracePayloadLength = 129 },
    };

    [Theory]
    [MemberData(nameof(Wrong), DisableDiscoveryEnumeration = true)]
    public void A_datapath_is_not_made_of_values_that_it_cannot_have(string name, Action<DatapathOptions> spoil)
    {
        var options = new DatapathOptions();
        spoil(options);
        Assert.StartsWith(name, Assert.Throws<ArgumentException>(() => New(options).Dispose()).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Defaults_and_one_native_range_of_each_family_are_fine()
    {
        New(new DatapathOptions()).Dispose();
        New(new DatapathOptions { EnableIPv6 = true, Mtu = 1330, NativeRoutingPrefixes = [Prefix.Parse("0.0.0.0/0"), Prefix.Parse("fd00::/8")] }).Dispose();
    }

    private static KernelDatapath New(DatapathOptions options) =>
        new(new DatapathTables(new StateStore()), options, NodeNamespace.Own, [], TimeProvider.System, NullLoggerFactory.Instance);
}
