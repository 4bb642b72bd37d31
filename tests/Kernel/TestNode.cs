using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath;
using Cilium.Datapath.Endpoints;
using Cilium.Datapath.Events;
using Cilium.Datapath.IpCache;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.Nodes;
using Cilium.Netlink;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.KernelTests;

/// <summary>A node with the real datapath: a namespace with an underlay device to a second namespace that plays the world.</summary>
internal sealed class TestNode : IDisposable
{
    private static int s_count;
    private readonly string _prefix;
    private readonly PinFolder _pins = new();
    private readonly TestCgroup _cgroup = new();
    private readonly List<TestPod> _pods = [];
    private readonly List<NetworkNamespace> _networks = [];
    private readonly bool _ownsWorld;
    private readonly ILoggerFactory _loggers;

    internal TestNode(int number = 1, TestNode? neighbour = null, Action<DatapathOptions>? configure = null, string device = "und0", ILoggerFactory? loggers = null)
    {
        _loggers = loggers ?? NullLoggerFactory.Instance;
        _prefix = $"cd-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}";
        Number = number;
        Node = NetworkNamespace.Create(_prefix + "n");
        _ownsWorld = neighbour is null;
        World = neighbour?.World ?? NetworkNamespace.Create(_prefix + "w");
        Netlink = RouteNetlink.Open(Node);
        using var world = RouteNetlink.Open(World);
        if (_ownsWorld)
        {
            world.ChangeLink(1, new LinkSettings { IsUp = true });
            world.CreateBridge(new LinkSettings { Name = "net0", IsUp = true });
            world.AddAddress(new InterfaceAddress(world.FindLink("net0")!.Index, WorldAddress, 24));
        }
        Netlink.CreateVeth(new LinkSettings { Name = device, IsUp = true }, new LinkSettings { Name = $"port{number}", Namespace = World });
        world.ChangeLink(
            world.FindLink($"port{number}")!.Index, new LinkSettings { IsUp = true, MasterIndex = world.FindLink("net0")!.Index });
        var underlay = Netlink.FindLink(device)!.Index;
        Netlink.ChangeLink(1, new LinkSettings { IsUp = true });
        Netlink.AddAddress(new InterfaceAddress(underlay, IPAddress.Parse($"172.30.0.{1 + number}"), 24));
        Netlink.ReplaceRoute(new Route { Destination = IPNetwork.Parse("0.0.0.0/0"), Gateway = WorldAddress, LinkIndex = underlay });
        Row = RowOf(number);
        Options = OptionsOf(_pins.Path, _cgroup.Path);
        configure?.Invoke(Options);
        Datapath = NewDatapath();
    }

    internal string NamespaceName => _prefix + "n";

    internal static LocalNodeRow RowOf(int number) => new()
    {
        Name = $"node{number}",
        IPv4 = IpAddr.Parse($"172.30.0.{1 + number}"),
        RouterIPv4 = IpAddr.Parse($"10.77.{number}.1"),
        RouterIPv6 = IpAddr.Parse($"fd77:{number}::1"),
        PodPrefixes = EquatableArray.Create([Prefix.Parse($"10.77.{number}.0/24"), Prefix.Parse($"fd77:{number}::/64")]),
    };

    internal static DatapathOptions OptionsOf(string bpfRoot, string cgroupRoot) => new()
    {
        BpfRoot = bpfRoot,
        CgroupRoot = cgroupRoot,
        EnableIPv6 = true,
        ConntrackEntries = 4096,
    };

    /// <summary>Asks until a condition holds; false after a minute.</summary>
    internal static async Task<bool> HappensAsync(Func<bool> condition)
    {
        var began = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            if (TimeProvider.System.GetElapsedTime(began) > TimeSpan.FromSeconds(60))
                return false;
            await Task.Delay(TimeSpan.FromMilliseconds(10));
        }
        return true;
    }

    /// <summary>Whether a policy id has no entries.</summary>
    internal bool IsEmpty(uint policy)
    {
        using var inner = Datapath.Maps.Policies.OpenOrNull(policy);
        return inner is null || inner.As<Cilium.Datapath.Maps.PolicyKey, Cilium.Datapath.Maps.PolicyValue>().ToDictionary().Count == 0;
    }

    internal static IPAddress WorldAddress { get; } = IPAddress.Parse("172.30.0.1");

    internal int Number { get; }

    internal NetworkNamespace Node { get; }

    internal NetworkNamespace World { get; }

    internal RouteNetlink Netlink { get; }

    internal LocalNodeRow Row { get; }

    internal DatapathOptions Options { get; }

    internal DatapathTables Tables { get; private set; } = new(new StateStore());

    internal EventLog Events { get; } = new();

    internal KernelDatapath Datapath { get; private set; }

    /// <summary>Names of what is pinned for all devices.</summary>
    internal string[] Pinned(string pattern) => [.. Directory.GetFileSystemEntries(Path.Combine(_pins.Path, "tc", "globals"), pattern).Select(path => Path.GetFileName(path))];

    internal Task StartAsync() => Datapath.StartAsync(Row, CancellationToken.None);

    /// <summary>A new agent with empty tables, as after a crash: descriptors close, what is pinned stays.</summary>
    /// <param name="fill">Tells it things before it compares what it knows with what is there.</param>
    internal async Task RestartAsync(Action<DatapathTables>? fill = null)
    {
        await Datapath.StopAsync(CancellationToken.None);
        Tables = new DatapathTables(new StateStore());
        Tables.Endpoints.RegisterInitializer("test");
        fill?.Invoke(Tables);
        Datapath = NewDatapath();
        await StartAsync();
    }

    /// <summary>A further device towards the world, without addresses.</summary>
    internal int AddDevice(string name)
    {
        using var world = RouteNetlink.Open(World);
        var port = $"{name}-{Number}";
        Netlink.CreateVeth(new LinkSettings { Name = name, IsUp = true }, new LinkSettings { Name = port, Namespace = World });
        world.ChangeLink(world.FindLink(port)!.Index, new LinkSettings { IsUp = true, MasterIndex = world.FindLink("net0")!.Index });
        return Netlink.FindLink(name)!.Index;
    }

    /// <summary>A further device with an address, and a namespace behind it whose default route leads back.</summary>
    internal (int Index, NetworkNamespace Behind) AddNetwork(string device, IPAddress address, IPAddress other)
    {
        var behind = NetworkNamespace.Create($"{_prefix}b{_networks.Count}");
        _networks.Add(behind);
        Netlink.CreateVeth(new LinkSettings { Name = device, IsUp = true }, new LinkSettings { Name = "eth0", Namespace = behind });
        var index = Netlink.FindLink(device)!.Index;
        Netlink.AddAddress(new InterfaceAddress(index, address, 24));
        using var netlink = RouteNetlink.Open(behind);
        var eth0 = netlink.FindLink("eth0")!.Index;
        netlink.ChangeLink(eth0, new LinkSettings { IsUp = true });
        netlink.AddAddress(new InterfaceAddress(eth0, other, 24));
        netlink.ReplaceRoute(new Route { Destination = IPNetwork.Parse("0.0.0.0/0"), Gateway = address, LinkIndex = eth0 });
        return (index, behind);
    }

    internal TestPod AddPod(ushort id)
    {
        var pod = new TestPod(this, _prefix, id);
        _pods.Add(pod);
        return pod;
    }

    /// <summary>Tells this node of another and its pods, as the control plane does.</summary>
    internal void Learn(TestNode other, params TestPod[] pods) => Tables.Store.Write(write =>
    {
        write.Upsert(Tables.Nodes, new NodeRow { Name = other.Row.Name, IPv4 = other.Row.IPv4, PodPrefixes = other.Row.PodPrefixes });
        write.Upsert(Tables.IpCache, new IpCacheRow { Prefix = Prefix.Of(other.Row.IPv4), Identity = Identity.RemoteNode });
        foreach (var prefix in other.Row.PodPrefixes)
            write.Upsert(Tables.IpCache, new IpCacheRow { Prefix = prefix, Identity = Identity.World, TunnelEndpoint = other.Row.IPv4 });
        foreach (var pod in pods)
        {
            foreach (var address in new[] { pod.Row.IPv4, pod.Row.IPv6 })
                write.Upsert(Tables.IpCache, new IpCacheRow { Prefix = Prefix.Of(address), Identity = pod.Row.Identity, TunnelEndpoint = other.Row.IPv4 });
        }
    });

    /// <summary>Runs code as a process of the node's cgroup.</summary>
    internal T RunInCgroup<T>(Func<T> work) => _cgroup.Run(work);

    internal async Task<ReconcileStatus> PutAsync(EndpointRow row, PolicyRow? policy = null)
    {
        var revision = Tables.Store.Write(write =>
        {
            if (policy is not null)
                write.Upsert(Tables.Policies, policy);
            write.Upsert(Tables.Endpoints, row);
        });
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        return await Datapath.WaitForEndpointAsync(row.Id, revision, timeout.Token);
    }

    public void Dispose()
    {
        Datapath.Dispose();
        foreach (var pod in _pods)
            pod.Dispose();
        Netlink.Dispose();
        Node.Dispose();
        NetworkNamespace.Delete(_prefix + "n");
        foreach (var (index, behind) in _networks.Index())
        {
            behind.Dispose();
            NetworkNamespace.Delete($"{_prefix}b{index}");
        }
        if (_ownsWorld)
        {
            World.Dispose();
            NetworkNamespace.Delete(_prefix + "w");
        }
        _pins.Dispose();
        _cgroup.Dispose();
    }

    private KernelDatapath NewDatapath() =>
        new(Tables, Options, NodeNamespace.Other(Node), [Events], TimeProvider.System, _loggers);
}

/// <summary>A pod on a <see cref="TestNode"/>, connected as the CNI plugin does it.</summary>
internal sealed class TestPod : IDisposable
{
    private readonly string _name;

    internal TestPod(TestNode node, string prefix, ushort id)
    {
        _name = $"{prefix}p{id}";
        Namespace = NetworkNamespace.Create(_name);
        var device = DeviceOf(id);
        IPv4 = IPAddress.Parse($"10.77.{node.Number}.{id}");
        IPv6 = IPAddress.Parse($"fd77:{node.Number}::{id}");
        node.Netlink.CreateVeth(
            new LinkSettings { Name = device, Mac = Physical(HostMacOf(id)), IsUp = true },
            new LinkSettings { Name = "eth0", Mac = Physical(PodMacOf(id)), Namespace = Namespace });
        using var netlink = RouteNetlink.Open(Namespace);
        var eth0 = netlink.FindLink("eth0")!.Index;
        netlink.ChangeLink(eth0, new LinkSettings { IsUp = true });
        netlink.ChangeLink(1, new LinkSettings { IsUp = true });
        netlink.AddAddress(new InterfaceAddress(eth0, IPv4, 32));
        netlink.AddAddress(new InterfaceAddress(eth0, IPv6, 128));
        // For IPv6 the kernel begins to route to an address a moment after it is there.
        Assert.True(SpinWait.SpinUntil(() => Namespace.Run(() => IsLocal(IPv6)), TimeSpan.FromSeconds(30)), $"the kernel does not route to {IPv6}");
        foreach (var (all, router) in new[] { ("0.0.0.0/0", node.Row.RouterIPv4), ("::/0", node.Row.RouterIPv6) })
        {
            netlink.ReplaceRoute(new Route { Destination = IPNetwork.Parse($"{router}/{router.BitLength}"), LinkIndex = eth0 });
            netlink.ReplaceRoute(new Route { Destination = IPNetwork.Parse(all), Gateway = router.ToIPAddress(), LinkIndex = eth0 });
        }
        Row = RowOf(node.Number, id, node.Netlink.FindLink(device)!.Index) with { NetnsPath = Namespace.Path };
    }

    internal static string DeviceOf(ushort id) => $"lxc{id}";

    internal static EndpointRow RowOf(int node, ushort id, int interfaceIndex) => new()
    {
        Id = new EndpointId(id),
        InterfaceName = DeviceOf(id),
        InterfaceIndex = interfaceIndex,
        PodMac = PodMacOf(id),
        HostMac = HostMacOf(id),
        IPv4 = IpAddr.Parse($"10.77.{node}.{id}"),
        IPv6 = IpAddr.Parse($"fd77:{node}::{id}"),
        Identity = new Identity(1000u + id),
    };

    internal NetworkNamespace Namespace { get; }

    internal IPAddress IPv4 { get; }

    internal IPAddress IPv6 { get; }

    internal EndpointRow Row { get; }

    internal bool Pings(IPAddress address, int timeoutMilliseconds = TestNetwork.PatienceMilliseconds) => TestNetwork.Pings(Namespace, address, timeoutMilliseconds);

    public void Dispose()
    {
        Namespace.Dispose();
        NetworkNamespace.Delete(_name);
    }

    // Destination, its length, six fields, flags (of local routes 0x80000000), device.
    private static bool IsLocal(IPAddress address)
    {
        var destination = Convert.ToHexStringLower(address.GetAddressBytes());
        return File.ReadLines("/proc/thread-self/net/ipv6_route").Any(line => line.StartsWith(destination, StringComparison.Ordinal)
            && line.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [_, "80", _, _, _, _, _, _, ['8', ..], _]);
    }

    private static MacAddress HostMacOf(ushort id) => MacAddress.FromBytes([2, 0, 0, 0, 1, (byte)id]);

    private static MacAddress PodMacOf(ushort id) => MacAddress.FromBytes([2, 0, 0, 0, 2, (byte)id]);

    private static PhysicalAddress Physical(MacAddress mac)
    {
        var bytes = new byte[6];
        mac.WriteBytes(bytes);
        return new PhysicalAddress(bytes);
    }
}

/// <summary>Events by kind, as they came.</summary>
internal sealed class EventLog : IDatapathEventSink
{
    private readonly Lock _lock = new();
    private readonly List<DatapathEvent> _events = [];

    internal List<DatapathEvent> Snapshot()
    {
        lock (_lock)
            return [.. _events];
    }

    public void OnEvent(in DatapathEvent datapathEvent, ReadOnlySpan<byte> packet)
    {
        lock (_lock)
            _events.Add(datapathEvent);
    }

    public void OnLost(ulong count) => throw new InvalidOperationException($"{count} events were lost");
}

/// <summary>Traffic in namespaces.</summary>
internal static class TestNetwork
{
    /// <summary>How long to wait for what should come.</summary>
    internal const int PatienceMilliseconds = 10_000;

    internal static bool Pings(NetworkNamespace ns, IPAddress address, int timeoutMilliseconds = PatienceMilliseconds) => ns.Run(() =>
    {
        using var ping = new Ping();
        try
        {
            return ping.Send(address, timeoutMilliseconds).Status == IPStatus.Success;
        }
        catch (PingException)
        {
            return false;
        }
    });

    /// <summary>A TCP server that answers each connection with the address it sees.</summary>
    internal static Socket Serve(NetworkNamespace ns, IPAddress address, int port)
    {
        var listener = ns.Run(() =>
        {
            var socket = new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            socket.Bind(new IPEndPoint(address, port));
            socket.Listen(16);
            return socket;
        });
        var thread = new Thread(() =>
        {
            try
            {
                while (true)
                {
                    using var connection = listener.Accept();
                    connection.Send(System.Text.Encoding.ASCII.GetBytes(((IPEndPoint)connection.RemoteEndPoint!).Address.ToString()));
                }
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The test closed the listener: while the thread waited in accept, or between two accepts.
                return;
            }
        })
        { IsBackground = true };
        thread.Start();
        return listener;
    }

    /// <summary>Connects and returns what the server saw, or null when it does not answer in time.</summary>
    internal static string? Ask(NetworkNamespace ns, IPAddress address, int port, int timeoutMilliseconds = PatienceMilliseconds)
    {
        using var socket = ns.Run(() => new Socket(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp));
        socket.ReceiveTimeout = timeoutMilliseconds;
        try
        {
            if (!socket.ConnectAsync(address, port).Wait(timeoutMilliseconds))
                return null;
            var buffer = new byte[64];
            return System.Text.Encoding.ASCII.GetString(buffer, 0, socket.Receive(buffer));
        }
        catch (Exception e) when (e is SocketException or AggregateException)
        {
            return null;
        }
    }
}
