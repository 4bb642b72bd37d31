using Cilium.Bpf;
using Cilium.Core;

namespace Cilium.VirtualNetwork.Tests;

/// <summary>Two nodes on a segment, each a router with one pod behind a pair.</summary>
internal sealed class Topology : IDisposable
{
    private readonly Dictionary<VirtualNode, BpfObject> _objects = [];

    internal Topology(bool isIPv6 = false)
    {
        Fabric = new Fabric(new FabricOptions { Time = Clock, Random = new Random(7) });
        Segment = Fabric.AddSegment("underlay");
        (First, Second) = (AddNode(1), AddNode(2));
        First.Host.Routes.Add(new VirtualRoute { Destination = PodPrefix(2), Interface = First.Host.InterfaceOrNull("eth0")!, Gateway = NodeAddress(2) });
        Second.Host.Routes.Add(new VirtualRoute { Destination = PodPrefix(1), Interface = Second.Host.InterfaceOrNull("eth0")!, Gateway = NodeAddress(1) });

        VirtualNode AddNode(int n)
        {
            var node = Fabric.AddNode($"node{n}");
            (node.Host.ForwardsIPv4, node.Host.ForwardsIPv6) = (true, true);
            node.Host.AddSegmentDevice("eth0", Segment).AddAddress(NodeAddress(n), isIPv6 ? 64 : 24);
            var pod = node.AddNamespace($"pod{n}");
            var (host, inside) = node.Host.AddPair("lxc", pod, "eth0");
            host.AddAddress(Gateway(n));
            inside.AddAddress(PodAddress(n));
            node.Host.Routes.Add(new VirtualRoute { Destination = Prefix.Of(PodAddress(n)), Interface = host });
            pod.Routes.Add(new VirtualRoute { Destination = Prefix.Of(Gateway(n)), Interface = inside });
            pod.Routes.Add(new VirtualRoute { Destination = new Prefix(IpAddr.Parse(isIPv6 ? "::" : "0.0.0.0"), 0), Interface = inside, Gateway = Gateway(n) });
            return node;
        }

        IpAddr Gateway(int n) => IpAddr.Parse(isIPv6 ? $"fd00:{n}::1" : $"10.0.{n}.1");
        Prefix PodPrefix(int n) => Prefix.Parse(isIPv6 ? $"fd00:{n}::/64" : $"10.0.{n}.0/24");
        IpAddr PodAddress(int n) => IpAddr.Parse(isIPv6 ? $"fd00:{n}::10" : $"10.0.{n}.10");
        IpAddr NodeAddress(int n) => IpAddr.Parse(isIPv6 ? $"fd77::{n}" : $"192.168.0.{n}");
    }

    internal VirtualClock Clock { get; } = new();

    internal Fabric Fabric { get; }

    internal VirtualSegment Segment { get; }

    internal VirtualNode First { get; }

    internal VirtualNode Second { get; }

    internal static VirtualNamespace Pod(VirtualNode node) => node.Namespaces[1];

    internal static VirtualInterface Lxc(VirtualNode node) => node.Host.InterfaceOrNull("lxc")!;

    internal static VirtualInterface Nic(VirtualNode node) => node.Host.InterfaceOrNull("eth0")!;

    internal static IpAddr AddressOf(VirtualNamespace ns) => ns.InterfaceOrNull("eth0")!.Addresses[0];

    /// <summary>The test programs on a node's engine, with constants as given at the first call.</summary>
    internal BpfProgram Program(VirtualNode node, string name, uint target = 0, uint remote = 0, uint family = 2)
    {
        if (!_objects.TryGetValue(node, out var obj))
        {
            using var stream = typeof(Topology).Assembly.GetManifestResourceStream("hooks.bpf.o")!;
            var elf = new byte[stream.Length];
            stream.ReadExactly(elf);
            obj = BpfObject.Open("hooks", elf, node.Engine);
            obj.SetConstant("target", target);
            obj.SetConstant("remote", remote);
            obj.SetConstant("family", family);
            obj.Load();
            _objects[node] = obj;
        }
        return obj.Program(name);
    }

    /// <summary>What the test programs of a node noted.</summary>
    internal uint Seen(VirtualNode node, uint index)
    {
        Assert.True(_objects[node].Map<uint, uint>("seen").TryLookup(index, out var value));
        return value;
    }

    public void Dispose()
    {
        foreach (var obj in _objects.Values)
            obj.Dispose();
        Fabric.Dispose();
    }
}
