using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Cilium.Aws.Tests.Ec2;
using Cilium.Core;
using Cilium.Netlink;

namespace Cilium.LabTests;

public sealed class EniLab() : CloudLab("eni", "eni.yaml");

public sealed class EniPrefixLab() : CloudLab("eni-prefix", "eni-prefixes.yaml");

/// <summary>
/// A lab whose nodes are instances of a VPC: an EC2 endpoint beyond their gateway, a metadata service on each, a device for each interface that is
/// attached, and the underlay as the VPC's router, which knows by which interface an address is reached.
/// </summary>
public abstract class CloudLab(string name, string values) : LabFixture(name, values)
{
    private const string Bridge = "br0";
    private static readonly IPEndPoint s_ec2 = new(IPAddress.Parse("203.0.113.10"), 8773);
    private static readonly IPEndPoint s_imds = new(IPAddress.Parse("169.254.169.254"), 80);
    private readonly Lock _lock = new();
    private readonly List<IAsyncDisposable> _servers = [];
    private readonly HashSet<string> _devices = [];
    private readonly Dictionary<IpAddr, string> _routed = [];
    private bool _isUp;

    public Ec2Model Model { get; } = NewModel();

    public static string InstanceOf(string node) => $"i-{node}";

    protected override async Task WhileStartingAsync()
    {
        using var underlay = await WaitForAsync(Lab.UnderlayNamespace, Bridge);
        using (var router = RouteNetlink.Open(underlay))
        {
            var bridge = router.FindLink(Bridge)!.Index;
            foreach (var subnet in Model.Subnets.Values) router.AddAddress(new InterfaceAddress(bridge, subnet.Cidr.Address.Add(1).ToIPAddress(), 32));
        }

        underlay.Run(() =>
        {
            Sysctl.Write("net/ipv4/conf/all/send_redirects", "0");
            Sysctl.Write($"net/ipv4/conf/{Bridge}/send_redirects", "0");
        });
        foreach (var node in Lab.NodeNames)
        {
            using var ns = await WaitForAsync(Lab.NamespaceOfNode(node), "eth0");
            using var network = RouteNetlink.Open(ns);
            network.AddAddress(new InterfaceAddress(1, s_imds.Address, 32));
            var mac = MacOf(network.FindLink("eth0")!.Mac!);
            var instance = new Ec2Instance(InstanceOf(node), "m5.large", "vpc-1", "eu-west-1a", []);
            Model.Start(instance, "subnet-nodes", mac, "sg-1");
            _servers.Add(await new ImdsEndpoint(instance, mac, "subnet-nodes").StartAsync(s_imds, Listen(ns)));
        }

        Model.Changed = Route;
        _isUp = true;
        Route();
        _servers.Add(await new Ec2Endpoint(Model).StartAsync(s_ec2, Listen(underlay)));
    }

    protected override async Task AfterStoppingAsync()
    {
        lock (_lock) _isUp = false;
        foreach (var server in _servers) await server.DisposeAsync();
    }

    private static Ec2Model NewModel()
    {
        var model = new Ec2Model();
        model.Networks["vpc-1"] = [Prefix.Parse("10.200.0.0/16")];
        model.Subnets["subnet-nodes"] = new Ec2Subnet("subnet-nodes", "vpc-1", "eu-west-1a", Prefix.Parse("10.200.0.0/24"), []);
        model.Subnets["subnet-pods"] = new Ec2Subnet("subnet-pods", "vpc-1", "eu-west-1a", Prefix.Parse("10.200.16.0/20"), []);
        model.Groups.Add(new Ec2Group("sg-1", "vpc-1", []));
        return model;
    }

    private static Func<EndPoint, Socket> Listen(NetworkNamespace ns) => endpoint => ns.Run(() =>
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(endpoint);
        return socket;
    });

    // The lab makes namespaces and devices while this waits.
    private static async Task<NetworkNamespace> WaitForAsync(string name, string device)
    {
        NetworkNamespace? ns = null;
        await EventuallyAsync(
            () =>
            {
                ns?.Dispose();
                ns = NetworkNamespace.OpenNamedOrNull(name);
                if (ns is null) return Task.FromResult(false);
                using var network = RouteNetlink.Open(ns);
                return Task.FromResult(network.FindLink(device) is { IsUp: true });
            },
            isThere => isThere, 60);
        return ns!;
    }

    private static string MacOf(PhysicalAddress mac) => string.Join(':', mac.GetAddressBytes().Select(octet => octet.ToString("x2")));

    /// <summary>Makes devices for interfaces, and routes for their addresses, as EC2 would.</summary>
    private void Route()
    {
        lock (_lock)
        {
            if (!_isUp) return;
            using var underlay = NetworkNamespace.Open(NetworkNamespace.PathOf(Lab.UnderlayNamespace));
            using var router = RouteNetlink.Open(underlay);
            var bridge = router.FindLink(Bridge)!.Index;
            var wanted = new Dictionary<IpAddr, string>();
            foreach (var (id, instance, index, mac, addresses) in Model.Read(all => all.Where(one => one.Instance.Length > 0)
                .Select(one => (one.Id, one.Instance, one.Index, one.Mac, one.PodAddresses.ToList())).ToList()))
            {
                if (index > 0 && _devices.Add(id))
                {
                    using var ns = NetworkNamespace.Open(NetworkNamespace.PathOf(Lab.NamespaceOfNode(instance["i-".Length..])));
                    router.CreateVeth(
                        new LinkSettings { Name = id, IsUp = true, MasterIndex = bridge },
                        new LinkSettings { Name = $"eth{index}", Namespace = ns, Mac = PhysicalAddress.Parse(mac) });
                }

                foreach (var address in addresses) wanted[address] = mac;
            }

            foreach (var address in _routed.Keys.Except(wanted.Keys).ToList())
            {
                router.DeleteRoute(RouteTo(address, bridge));
                _routed.Remove(address);
            }

            foreach (var (address, mac) in wanted.Where(pair => _routed.GetValueOrDefault(pair.Key) != pair.Value))
            {
                router.ReplaceRoute(RouteTo(address, bridge));
                router.ReplaceNeighbour(new Neighbour(bridge, address.ToIPAddress(), PhysicalAddress.Parse(mac)));
                _routed[address] = mac;
            }
        }
    }

    private static Route RouteTo(IpAddr address, int bridge) => new() { Destination = new IPNetwork(address.ToIPAddress(), 32), LinkIndex = bridge, Scope = RouteScope.Link };
}
