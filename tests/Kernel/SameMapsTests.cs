using System.Globalization;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Datapath;
using Cilium.Datapath.Endpoints;
using Cilium.Datapath.IpCache;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Nodes;
using Cilium.Simulation.Nodes;
using Cilium.VirtualNetwork;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.KernelTests;

/// <summary>The reconcilers drive both engines: equal rows, equal maps.</summary>
public sealed class SameMapsTests
{
    [Fact]
    public async Task Equal_rows_give_equal_maps_on_the_kernel_and_in_process()
    {
        // 1. A node of the kernel, and one in this process, with pods whose devices have other indices.
        using var kernel = new TestNode();
        var pods = new[] { kernel.AddPod(11), kernel.AddPod(12), kernel.AddPod(13) };
        using var fabric = new Fabric();
        var node = fabric.AddNode("node1");
        node.Host.AddSegmentDevice("und0", fabric.AddSegment("net0")).AddAddress(kernel.Row.IPv4, 24);
        var tables = new DatapathTables(new StateStore());
        using var virtualDatapath = new VirtualDatapath(node, tables, kernel.Options, [], TimeProvider.System, NullLoggerFactory.Instance);
        var twins = pods.Select(pod =>
        {
            var (_, host) = VirtualPods.Add(node, kernel.Row, pod.Row.Id.ToString(), pod.Row.Id.Value, [pod.Row.IPv4, pod.Row.IPv6], 1500, 1450);
            return pod.Row with { InterfaceIndex = (int)host.Index, InterfaceName = host.Name };
        }).ToArray();

        // 2. The same rows, written before the start, and then changed.
        Write(kernel.Tables, [.. pods.Select(pod => pod.Row)]);
        Write(tables, twins);
        await kernel.StartAsync();
        await virtualDatapath.StartAsync(kernel.Row, CancellationToken.None);
        await CompareAsync(kernel.Datapath.Maps, virtualDatapath);
        Change(kernel.Tables, pods[1].Row);
        Change(tables, twins[1]);
        await CompareAsync(kernel.Datapath.Maps, virtualDatapath);
    }

    private static void Write(DatapathTables tables, EndpointRow[] rows) => tables.Store.Write(write =>
    {
        var policy = Policy(1, 1011);
        write.Upsert(tables.Policies, policy);
        foreach (var (row, i) in rows.Select((row, i) => (row, i)))
        {
            write.Upsert(tables.Endpoints, i == 2 ? row with { Policy = policy.Key } : row);
            foreach (var address in new[] { row.IPv4, row.IPv6 })
                write.Upsert(tables.IpCache, new IpCacheRow { Prefix = Prefix.Of(address), Identity = row.Identity });
        }
        write.Upsert(tables.IpCache, new IpCacheRow { Prefix = Prefix.Parse("10.77.2.0/24"), Identity = Identity.World, TunnelEndpoint = IpAddr.Parse("172.30.0.3") });
        write.Upsert(tables.Nodes, new NodeRow { Name = "node2", IPv4 = IpAddr.Parse("172.30.0.3"), PodPrefixes = [Prefix.Parse("10.77.2.0/24")] });
        write.Upsert(tables.Frontends, Frontend("10.96.0.1", "10.77.1.11", "10.77.1.12"));
    });

    private static void Change(DatapathTables tables, EndpointRow moved) => tables.Store.Write(write =>
    {
        var policy = Policy(2, 1012, 1013);
        write.Upsert(tables.Policies, policy);
        write.Upsert(tables.Endpoints, moved with { Policy = policy.Key, Identity = new Identity(2000) });
        write.Upsert(tables.Frontends, Frontend("10.96.0.1", "10.77.1.12"));
        write.Upsert(tables.Frontends, Frontend("10.96.0.2", "10.77.1.11", "10.77.1.12"));
        write.Delete(tables.IpCache, Prefix.Parse("10.77.2.0/24"));
    });

    private static PolicyRow Policy(long key, params uint[] identities) => new()
    {
        Key = new PolicyContentKey(key),
        IngressEnforced = true,
        EgressEnforced = false,
        Entries = identities.Select(identity => new PolicyEntry(
            new PolicyKey(TrafficDirection.Ingress, new Identity(identity), L4Protocol.Tcp, 80, 16), PolicyVerdict.Allow)).ToEquatableArray(),
    };

    private static FrontendRow Frontend(string address, params string[] backends) => new()
    {
        Address = new L4Address(IpAddr.Parse(address), 80, L4Protocol.Tcp),
        ServiceNamespace = "default",
        ServiceName = address,
        Backends = backends.Select(backend => new BackendRef(new L4Address(IpAddr.Parse(backend), 8080, L4Protocol.Tcp), BackendState.Active)).ToEquatableArray(),
    };

    private static async Task CompareAsync(DatapathMaps kernel, VirtualDatapath twin)
    {
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await twin.SettleAsync(timeout.Token);
        var expected = Dump(twin.Maps);
        Assert.NotEmpty(expected);
        var isEqual = await TestNode.HappensAsync(() => Dump(kernel).SequenceEqual(expected));
        if (!isEqual)
            Assert.Equal(expected, Dump(kernel));
    }

    /// <summary>What the maps say, without indices of devices and of policies, which each node has its own.</summary>
    private static List<string> Dump(DatapathMaps maps)
    {
        var lines = new List<string>();
        Add("device", maps.Devices.ToDictionary().Where(entry => entry.Value != default), entry => RowText(maps, entry.Value));
        Add("endpoint", maps.Endpoints.ToDictionary(), entry => $"{entry.Key} {RowText(maps, entry.Value)}");
        Add("ipcache", maps.IpCache.ToDictionary(), entry => $"{entry.Key} {entry.Value}");
        Add("frontend", maps.Services.Frontends.ToDictionary(), entry => $"{entry.Key} {entry.Value}");
        Add("slot", maps.Services.Slots.ToDictionary(), entry => $"{entry.Key} {entry.Value}");
        Add("backend", maps.Services.Backends.ToDictionary(), entry => $"{entry.Key} {entry.Value}");
        Add("revnat", maps.Services.RevNat.ToDictionary(), entry => $"{entry.Key} {entry.Value}");
        return lines;

        void Add<T>(string map, IEnumerable<T> entries, Func<T, string> text) =>
            lines.AddRange(entries.Select(entry => $"{map} {text(entry)}").Order(StringComparer.Ordinal));
    }

    private static string RowText(DatapathMaps maps, Cilium.Datapath.Maps.EndpointRow row)
    {
        using var inner = maps.Policies.OpenOrNull(row.PolicyId);
        var entries = inner!.As<Cilium.Datapath.Maps.PolicyKey, Cilium.Datapath.Maps.PolicyValue>().ToDictionary()
            .Select(entry => $"{entry.Key} {entry.Value with { Counter = 0 }}").Order(StringComparer.Ordinal);
        return string.Create(CultureInfo.InvariantCulture, $"{row with { Ifindex = 0, PolicyId = 0 }} [{string.Join("; ", entries)}]");
    }
}
