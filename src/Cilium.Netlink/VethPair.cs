using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace Cilium.Netlink;

/// <summary>A veth pair that is the way out of a network namespace: one end here, the other in there with addresses and default routes.</summary>
public sealed record VethPair
{
    /// <summary>Name of this end.</summary>
    public required string Name { get; init; }

    /// <summary>Name of the end in the other namespace.</summary>
    public required string PeerName { get; init; }

    /// <summary>Ethernet address of this end.</summary>
    public required PhysicalAddress Mac { get; init; }

    /// <summary>Ethernet address of the other end.</summary>
    public required PhysicalAddress PeerMac { get; init; }

    /// <summary>MTU of both ends in bytes.</summary>
    public required int DeviceMtu { get; init; }

    /// <summary>MTU of the default routes in bytes; 0 for that of the device.</summary>
    public int RouteMtu { get; init; }

    /// <summary>Largest packet to send, in bytes; 0 for the kernel's default.</summary>
    public int GsoMaxSize { get; init; }

    /// <summary>Largest packet to put together on arrival, in bytes; 0 for the kernel's default.</summary>
    public int GroMaxSize { get; init; }

    /// <summary>Addresses of the other end, each alone in its prefix, with the gateway behind which everything else is.</summary>
    public required IReadOnlyList<(IPAddress Address, IPAddress Gateway)> Addresses { get; init; }

    /// <summary>Creates the pair from the calling thread's namespace. A device of this name that exists is replaced.</summary>
    /// <returns>Index of this end, and the kernel's cookie of the other namespace.</returns>
    /// <exception cref="NetlinkException">The kernel refused; the pair may exist in part.</exception>
    public (int Index, ulong NamespaceCookie) Create(NetworkNamespace peerNamespace)
    {
        ArgumentNullException.ThrowIfNull(peerNamespace);
        using var netlink = RouteNetlink.Open();
        var near = new LinkSettings
        {
            Name = Name,
            Mac = Mac,
            Mtu = DeviceMtu,
            IsUp = true,
            GsoMaxSize = GsoMaxSize > 0 ? GsoMaxSize : null,
            GroMaxSize = GroMaxSize > 0 ? GroMaxSize : null,
        };
        // The kernel refuses to create the second half of a pair up (ENOTCONN: its peer is not linked yet), so it is raised from inside.
        var far = near with { Name = PeerName, Mac = PeerMac, Namespace = peerNamespace, IsUp = null };
        try
        {
            netlink.CreateVeth(near, far);
        }
        catch (NetlinkException exception) when (exception.IsExists && netlink.DeleteLink(Name))
        {
            netlink.CreateVeth(near, far);
        }

        var index = LinkIndex.Find(Name) ?? throw new InvalidOperationException($"{Name} vanished while it was set up");
        // Replies leave by redirection, so the reverse path of the device is not what the routing table says.
        Sysctl.Write($"net/ipv4/conf/{Name}/rp_filter", "0");
        Sysctl.Write($"net/ipv4/conf/{Name}/forwarding", "1");
        SwitchIPv6(Name);
        return (index, peerNamespace.Visit(SetUpPeer));
    }

    private static bool IsIPv4(IPAddress address) => address.AddressFamily == AddressFamily.InterNetwork;

    private static int BitsOf(IPAddress address) => IsIPv4(address) ? 32 : 128;

    // Without an address of the family its link-local traffic is of no use, on either side. A kernel without the family has no setting.
    private void SwitchIPv6(string device)
    {
        var hasIPv6 = Addresses.Any(entry => !IsIPv4(entry.Address));
        if (hasIPv6 || Directory.Exists("/proc/sys/net/ipv6"))
            Sysctl.Write($"net/ipv6/conf/{device}/disable_ipv6", hasIPv6 ? "0" : "1");
    }

    private ulong SetUpPeer()
    {
        using var netlink = RouteNetlink.Open();
        var index = LinkIndex.Find(PeerName) ?? throw new InvalidOperationException($"{PeerName} vanished while it was set up");
        SwitchIPv6(PeerName);
        netlink.ChangeLink(index, new LinkSettings { IsUp = true });
        if (LinkIndex.Find("lo") is { } loopback)
            netlink.ChangeLink(loopback, new LinkSettings { IsUp = true });
        foreach (var (address, gateway) in Addresses)
        {
            netlink.AddAddress(new InterfaceAddress(index, address, BitsOf(address)));
            netlink.ReplaceRoute(new Route
            {
                Destination = new IPNetwork(gateway, BitsOf(gateway)),
                LinkIndex = index,
                Scope = IsIPv4(gateway) ? RouteScope.Link : null,
            });
            netlink.ReplaceRoute(new Route
            {
                Destination = new IPNetwork(IsIPv4(gateway) ? IPAddress.Any : IPAddress.IPv6Any, 0),
                Gateway = gateway,
                LinkIndex = index,
                Mtu = RouteMtu > 0 ? RouteMtu : null,
            });
        }

        return NetworkNamespace.ReadCurrentCookie();
    }
}
