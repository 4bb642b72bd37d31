using System.Net;
using System.Net.NetworkInformation;
using Cilium.Netlink;

namespace Cilium.KernelTests;

/// <summary>Two namespaces joined by a veth pair, addressed and up; deleted with what is in them.</summary>
internal sealed class TestNamespaces : IDisposable
{
    private static int s_count;

    internal TestNamespaces()
    {
        var number = Interlocked.Increment(ref s_count);
        LeftName = $"ck-{Environment.ProcessId}-{number}l";
        RightName = $"ck-{Environment.ProcessId}-{number}r";
        Left = NetworkNamespace.Create(LeftName);
        Right = NetworkNamespace.Create(RightName);
        LeftNetlink = RouteNetlink.Open(Left);
        RightNetlink = RouteNetlink.Open(Right);
        LeftNetlink.CreateVeth(
            new LinkSettings { Name = "left0", Mtu = 1400, Mac = PhysicalAddress.Parse("02-00-00-00-00-01"), IsUp = true },
            new LinkSettings { Name = "right0", Mtu = 1400, Mac = PhysicalAddress.Parse("02-00-00-00-00-02"), Namespace = Right });
        LeftIndex = LeftNetlink.FindLink("left0")!.Index;
        RightIndex = RightNetlink.FindLink("right0")!.Index;
        RightNetlink.ChangeLink(RightIndex, new LinkSettings { IsUp = true });
        LeftNetlink.AddAddress(new InterfaceAddress(LeftIndex, LeftAddress, 24));
        RightNetlink.AddAddress(new InterfaceAddress(RightIndex, RightAddress, 24));
        LeftNetlink.AddAddress(new InterfaceAddress(LeftIndex, IPAddress.Parse("fd00:9::1"), 64));
        RightNetlink.AddAddress(new InterfaceAddress(RightIndex, IPAddress.Parse("fd00:9::2"), 64));
        foreach (var netlink in new[] { LeftNetlink, RightNetlink })
            netlink.ChangeLink(1, new LinkSettings { IsUp = true });
    }

    internal static IPAddress LeftAddress { get; } = IPAddress.Parse("10.9.0.1");

    internal static IPAddress RightAddress { get; } = IPAddress.Parse("10.9.0.2");

    internal string LeftName { get; }

    internal string RightName { get; }

    internal NetworkNamespace Left { get; }

    internal NetworkNamespace Right { get; }

    internal RouteNetlink LeftNetlink { get; }

    internal RouteNetlink RightNetlink { get; }

    internal int LeftIndex { get; }

    internal int RightIndex { get; }

    internal bool LeftPings(IPAddress address, int timeoutMilliseconds = TestNetwork.PatienceMilliseconds) =>
        Left.Run(() =>
        {
            using var ping = new Ping();
            try
            {
                return ping.Send(address, timeoutMilliseconds).Status == IPStatus.Success;
            }
            catch (PingException)
            {
                // What is dropped on its way out is refused to the sender at once.
                return false;
            }
        });

    public void Dispose()
    {
        LeftNetlink.Dispose();
        RightNetlink.Dispose();
        Left.Dispose();
        Right.Dispose();
        NetworkNamespace.Delete(LeftName);
        NetworkNamespace.Delete(RightName);
    }
}
