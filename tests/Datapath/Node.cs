using Cilium.Bpf;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Maps;
using Cilium.Datapath.Policies;

namespace Cilium.DatapathTests;

/// <summary>A node as the maps know it: pods A and B here, pod C on another node, the node itself, the world.</summary>
internal sealed class Node : IDisposable
{
    internal const uint IdentityA = 1001;
    internal const uint IdentityB = 1002;
    internal const uint IdentityC = 1003;
    internal const uint RemoteNode = 6;
    internal const ushort EndpointA = 11;
    internal const ushort EndpointB = 12;
    internal const uint DeviceB = 40;
    internal const uint ServiceId = 7;

    private static readonly string[] AllObjects = ["lxc", "host", "overlay", "netdev"];

    private uint _stamp = 100;
    private uint _counter = 500;

    /// <param name="family">4 or 6: the family of the addresses that the properties give.</param>
    /// <param name="a">Enforcement of pod A.</param>
    /// <param name="b">Enforcement of pod B.</param>
    /// <param name="constants">Sets constants before the load.</param>
    /// <param name="objects">Which objects to load; only lxc when null.</param>
    /// <param name="engine">Where to run; the build's own engine when null.</param>
    internal Node(int family, EndpointFlags a = 0, EndpointFlags b = 0, Action<BpfObject>? constants = null, string[]? objects = null, BpfEngine? engine = null)
    {
        Family = family;
        Bench = new Bench(objects ?? ["lxc"], constants, engine);
        Put(IdentityA, EndpointA, a, Bench.Device, Frame.PodMac, Frame.HostMac, "10.0.0.10", "fd00::10");
        Put(IdentityB, EndpointB, b, DeviceB, Frame.OtherPodMac, Frame.OtherHostMac, "10.0.0.11", "fd00::11");
        foreach (var own in new[] { "10.0.0.1", "fd00::1", "192.168.0.1", "fd77::1" })
            Bench.Map<Addr128, EndpointRow>("cilium_lxc").Update(Bench.Address(own), new EndpointRow(
                1, 0, EndpointFlags.Present | EndpointFlags.Host, 0, 0, default, default, 0, default, default));
        Know("10.0.1.10", IdentityC, "192.168.0.2");
        Know("fd00:1::10", IdentityC, "192.168.0.2");
        Know("192.168.0.2", RemoteNode);
        Know("fd77::2", RemoteNode);
    }

    internal Bench Bench { get; }

    internal int Family { get; }

    internal string A => Pick("10.0.0.10", "fd00::10");

    internal string B => Pick("10.0.0.11", "fd00::11");

    internal string C => Pick("10.0.1.10", "fd00:1::10");

    internal string Router => Pick("10.0.0.1", "fd00::1");

    internal string Self => Pick("192.168.0.1", "fd77::1");

    /// <summary>Another node, reached without the tunnel as the agent writes it.</summary>
    internal string Peer => Pick("192.168.0.2", "fd77::2");

    internal string World => Pick("203.0.113.9", "2001:db8::9");

    internal string Vip => Pick("10.96.0.1", "fd96::1");

    internal static Node WithEverything(int family, EndpointFlags a = 0, Action<BpfObject>? constants = null, BpfEngine? engine = null) =>
        new(family, a, 0, obj =>
        {
            _ = obj.TrySetConstant("enable_masquerade_ipv4", [1]);
            _ = obj.TrySetConstant("enable_masquerade_ipv6", [1]);
            constants?.Invoke(obj);
        }, AllObjects, engine);

    /// <summary>Pod A sends.</summary>
    internal Outcome FromA(byte[] packet) => Bench.Run("cil_from_container", packet);

    /// <summary>Pod B sends: its row stands on the device for a moment.</summary>
    internal Outcome FromB(byte[] packet)
    {
        var devices = Bench.Map<uint, EndpointRow>("cilium_devices");
        var lxc = Bench.Map<Addr128, EndpointRow>("cilium_lxc");
        Assert.True(devices.TryLookup(Bench.Device, out var a));
        Assert.True(lxc.TryLookup(Bench.Address(B), out var b));
        devices.Update(Bench.Device, b);
        try
        {
            return Bench.Run("cil_from_container", packet);
        }
        finally
        {
            devices.Update(Bench.Device, a);
        }
    }

    internal void Know(string address, uint identity, string? tunnel = null, uint bits = 128) =>
        Bench.Map<IpcacheKey, IpcacheValue>("cilium_ipcache").Update(
            new IpcacheKey(bits, Bench.Address(address)),
            new IpcacheValue(identity, 0, tunnel is null ? default : Bench.Address(tunnel)));

    /// <summary>Replaces a pod's policy by entries and gives it a new stamp.</summary>
    internal void SetPolicy(ushort endpoint, params (PolicyKey Key, bool Deny)[] entries)
    {
        using var inner = BpfMap.Create("policy", new MapShape(MapType.LpmTrie, 12, 12, 16384, MapFlags.NoPreallocation), Bench.Engine);
        var typed = inner.As<PolicyKey, PolicyValue>();
        foreach (var (key, deny) in entries)
            typed.Update(key, new PolicyValue(deny ? PolicyFlags.Deny : 0, (byte)key.PrefixLength, default, 0, 0, 0, 0, ++_counter));
        new ArrayOfMapsBpf(Bench.Map("cilium_policy")).UpdateBatch([endpoint], [inner]);
        Bench.Map<uint, uint>("cilium_policy_stamp").Update(endpoint, ++_stamp);
    }

    /// <summary>What a policy entry decided about; counters are numbered from 501 in the order of the entries.</summary>
    internal MetricsValue CountOf(uint counter)
    {
        return new PolicyStatistics(Bench.Map("cilium_policy_stats")).Read(counter);
    }

    internal static (PolicyKey Key, bool Deny) Allow(PolicyDirection direction, uint identity, byte protocol = 0, ushort port = 0, int portBits = 16) =>
        (Key(direction, identity, protocol, port, portBits), false);

    internal static (PolicyKey Key, bool Deny) Deny(PolicyDirection direction, uint identity, byte protocol = 0, ushort port = 0, int portBits = 16) =>
        (Key(direction, identity, protocol, port, portBits), true);

    internal void AddService(params (string Address, ushort Port)[] backends) => AddService(Frame.Tcp, backends);

    internal void AddService(byte protocol, params (string Address, ushort Port)[] backends) => AddService(Vip, 80, protocol, FrontendFlags.None, backends);

    internal void AddService(string frontend, ushort frontendPort, byte protocol, FrontendFlags flags, params (string Address, ushort Port)[] backends)
    {
        var port = NetPort.From(frontendPort);
        for (var i = 0u; i < backends.Length; i++)
        {
            var (address, backendPort) = (Bench.Address(backends[i].Address), NetPort.From(backends[i].Port));
            Bench.Map<uint, BackendValue>("cilium_lb_backends").Update(500 + i, new BackendValue(address, backendPort, protocol, 0));
            Bench.Map<SlotKey, SlotValue>("cilium_lb_slots").Update(
                new SlotKey(ServiceId, i), new SlotValue(500 + i, address, backendPort, protocol, 0));
        }
        Bench.Map<uint, RevNatValue>("cilium_lb_revnat").Update(ServiceId, new RevNatValue(Bench.Address(frontend), port, 0));
        Bench.Map<FrontendKey, FrontendValue>("cilium_lb_frontends").Update(
            new FrontendKey(Bench.Address(frontend), port, protocol, 0), new FrontendValue(ServiceId, (ushort)backends.Length, (ushort)flags));
    }

    /// <summary>Changes what stands behind a frontend.</summary>
    internal void ChangeService(string frontend, ushort frontendPort, byte protocol, Func<FrontendValue, FrontendValue> change)
    {
        var map = Bench.Map<FrontendKey, FrontendValue>("cilium_lb_frontends");
        var key = new FrontendKey(Bench.Address(frontend), NetPort.From(frontendPort), protocol, 0);
        Assert.True(map.TryLookup(key, out var value));
        map.Update(key, change(value));
    }

    internal Dictionary<CtTuple, CtEntry> Connections() => Bench.Map<CtTuple, CtEntry>("cilium_ct").ToDictionary();

    internal KeyValuePair<CtTuple, CtEntry> OnlyConnection() => Assert.Single(Connections(), c => c.Key.Flags == 0);

    public void Dispose() => Bench.Dispose();

    private static PolicyKey Key(PolicyDirection direction, uint identity, byte protocol, ushort port, int portBits) =>
        new(40u + (protocol == 0 ? 0 : 8u) + (protocol == 0 || port == 0 ? 0 : (uint)portBits), identity, direction, protocol, NetPort.From(port));

    private string Pick(string v4, string v6) => Family == 4 ? v4 : v6;

    private void Put(uint identity, ushort endpoint, EndpointFlags flags, uint device, byte[] podMac, byte[] hostMac, string v4, string v6)
    {
        var row = new EndpointRow(identity, endpoint, EndpointFlags.Present | flags, endpoint, device, MacAddr.FromBytes(podMac),
            MacAddr.FromBytes(hostMac), 0, Bench.Address(v4), Bench.Address(v6));
        Bench.Map<uint, EndpointRow>("cilium_devices").Update(device, row);
        foreach (var address in new[] { v4, v6 })
        {
            Bench.Map<Addr128, EndpointRow>("cilium_lxc").Update(Bench.Address(address), row);
            Know(address, identity);
        }
    }
}
