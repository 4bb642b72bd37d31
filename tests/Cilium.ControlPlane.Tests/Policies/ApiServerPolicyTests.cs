using System.Text;
using Cilium.ControlPlane.Addresses;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Policies;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Datapath.IpCache;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Policies;
using Cilium.Policy;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.ControlPlane.Tests.Policies;

/// <summary>What the addresses of the API server do to compiled policies, with the loops of policies and of addresses side by side.</summary>
public sealed class ApiServerPolicyTests : IAsyncDisposable
{
    private const string ToApiServer = """
        {"apiVersion":"cilium.io/v2","kind":"CiliumNetworkPolicy","metadata":{"name":"p","namespace":"default"},
         "spec":{"endpointSelector":{},"egress":[{"toEntities":["kube-apiserver"]}]}}
        """;

    private const string NotToRange = """
        {"apiVersion":"cilium.io/v2","kind":"CiliumNetworkPolicy","metadata":{"name":"p","namespace":"default"},
         "spec":{"endpointSelector":{},"egress":[{"toEntities":["all"]}],"egressDeny":[{"toCIDR":["203.0.113.0/24"]}]}}
        """;

    private readonly TestTables _test = new();
    private readonly FakeDevices _devices = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _loops = [];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_loops).ContinueWith(static _ => { }, TaskScheduler.Default);
        _stop.Dispose();
    }

    [Fact]
    public async Task A_new_address_outside_the_cluster_is_in_policies_that_allow_the_api_server()
    {
        await StartAsync(ToApiServer);
        Serve("203.0.113.9");
        var first = await IdentityOfAsync("203.0.113.9");
        await UntilAsync(() => Entry(first) is { IsDeny: false });

        // Another address: the new one has an entry, the former one is forgotten.
        Serve("203.0.113.10");
        var second = await IdentityOfAsync("203.0.113.10");
        Assert.NotEqual(first, second);
        await UntilAsync(() => Entry(second) is { IsDeny: false } && Entry(first) is null);
        Assert.False(_test.Datapath.IpCache.TryGet(Prefix.Parse("203.0.113.9/32"), out _));
    }

    [Fact]
    public async Task A_new_address_outside_the_cluster_is_in_policies_that_deny_its_range()
    {
        await StartAsync(NotToRange);
        Serve("203.0.113.9");
        var identity = await IdentityOfAsync("203.0.113.9");
        await UntilAsync(() => Entry(identity) is { IsDeny: true });
    }

    [Fact]
    public async Task An_address_of_this_node_lets_policies_that_allow_the_api_server_allow_the_host()
    {
        await StartAsync(ToApiServer);
        Assert.Null(Entry(Identity.Host));
        Serve("172.18.0.2");
        await UntilAsync(() => Entry(Identity.Host) is { IsDeny: false });
        Serve("203.0.113.9");
        await UntilAsync(() => Entry(Identity.Host) is null);
    }

    /// <summary>The datapath has every address of every device as the host's, so policies must too.</summary>
    [Fact]
    public async Task An_address_of_any_device_of_this_node_is_the_hosts_and_needs_no_row()
    {
        _devices.Addresses[IpAddr.Parse("198.51.100.7")] = "eth1";
        await StartAsync(ToApiServer);
        var rows = _test.Datapath.IpCache.Count;
        Serve("198.51.100.7");
        await UntilAsync(() => Entry(Identity.Host) is { IsDeny: false } && _test.Tables.Store.IsQuiet);
        Assert.Equal(rows, _test.Datapath.IpCache.Count);
        Serve("203.0.113.9");
        await UntilAsync(() => Entry(Identity.Host) is null);
    }

    [Fact]
    public async Task An_address_that_the_node_has_on_no_device_is_the_hosts_too()
    {
        _test.Write(write => write.Upsert(_test.Kubernetes.CiliumNodes, new CiliumNodeRow
        {
            Name = "node-a",
            Addresses = [new NodeAddress(NodeAddress.InternalIP, IpAddr.Parse("172.18.0.2")), new NodeAddress(NodeAddress.ExternalIP, IpAddr.Parse("198.51.100.7"))],
        }));
        await StartAsync(ToApiServer);
        Serve("198.51.100.7");
        await UntilAsync(() => Entry(Identity.Host) is { IsDeny: false } && _test.Datapath.IpCache.TryGet(Prefix.Parse("198.51.100.7/32"), out _));
        Assert.True(_test.Datapath.IpCache.TryGet(Prefix.Parse("198.51.100.7/32"), out var row));
        Assert.Equal(Identity.Host, row.Identity);
        Serve("203.0.113.9");
        await UntilAsync(() => Entry(Identity.Host) is null);
    }

    [Fact]
    public async Task An_address_of_another_node_has_identity_7_as_long_as_the_node_has_it()
    {
        _test.Write(write => write.Upsert(_test.Kubernetes.CiliumNodes, new CiliumNodeRow
        {
            Name = "node-b",
            Addresses = [new NodeAddress(NodeAddress.InternalIP, IpAddr.Parse("172.18.0.3"))],
        }));
        await StartAsync(ToApiServer);
        Serve("172.18.0.3");
        await UntilAsync(() => _test.Datapath.IpCache.TryGet(Prefix.Parse("172.18.0.3/32"), out var row) && row.Identity == Identity.KubeApiServer);
        Assert.Equal(PolicyVerdict.Allow, Entry(Identity.KubeApiServer));
        _test.Write(write => write.Delete(_test.Kubernetes.CiliumNodes, "node-b"));
        await UntilAsync(() => _test.Datapath.IpCache.TryGet(Prefix.Parse("172.18.0.3/32"), out var row) && row.Identity.IsLocal && Entry(row.Identity) is { IsDeny: false });
    }

    [Fact]
    public async Task A_restarted_agent_writes_no_policies_before_it_knows_the_addresses()
    {
        _test.Kubernetes.EndpointSlices.RegisterInitializer("server");
        Start(ToApiServer);
        Serve("203.0.113.9");
        Assert.Equal(0, _test.Datapath.Policies.Count);
        _test.Kubernetes.EndpointSlices.CompleteInitializer("server");
        await UntilAsync(() => _test.Datapath.Policies.Count == 1);
        Assert.Contains(_test.Datapath.Policies.Snapshot().Values.Single().Entries, entry => entry.Key.Identity.IsLocal);
    }

    private async Task StartAsync(string policy)
    {
        Start(policy);
        await UntilAsync(() => _test.Datapath.Policies.Count == 1 && _test.Datapath.IpCache.Count >= 4 && _test.Tables.Store.IsQuiet);
    }

    private void Start(string policy)
    {
        _test.Write(write =>
        {
            write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(1, "pod-1", "10.0.0.7"));
            write.Upsert(_test.Tables.EndpointIdentities, new EndpointIdentityRow { Id = new EndpointId(1), Identity = new Identity(300), Labels = TestTables.LabelsOf("a") });
            write.Upsert(_test.Kubernetes.Policies, new PolicyObjectRow
            {
                Key = new PolicyObjectKey(PolicyObjectKind.CiliumNetworkPolicy, "default", "p"),
                Json = EquatableArray.Create<byte>(Encoding.UTF8.GetBytes(policy)),
            });
        });
        var local = new LocalIdentityAllocator(_test.Options.Cluster);
        var engine = new PolicyEngine(new PolicyOptions { Cluster = _test.Options.Cluster, AllowLocalhost = false }, local);
        var rules = new PolicyObjectRules(new PolicyDecoder(LabelFilter.Default), NullLogger<PolicyObjectRules>.Instance);
        var book = new AddressBook(_test.Tables);
        var apiServer = new ApiServerAddresses(_test.Tables, _test.Options, _test.Self, book, engine, local, _devices);
        _loops.Add(new PolicyDerivation(
            _test.Tables, new FakeDatapath(), book, new EndpointEgress(_test.Tables, _test.Options), engine, rules, apiServer, TimeProvider.System).RunAsync(_stop.Token));
        _loops.Add(new AddressDerivation(_test.Tables, _test.Options, _test.Self, book, TimeProvider.System).RunAsync(_stop.Token));
    }

    private void Serve(string address) => _test.Write(write => write.Upsert(_test.Kubernetes.EndpointSlices, new EndpointSliceRow
    {
        Namespace = "default",
        Name = "kubernetes",
        ServiceName = "kubernetes",
        Endpoints = [new SliceEndpoint { Addresses = [IpAddr.Parse(address)] }],
    }));

    private async Task<Identity> IdentityOfAsync(string address)
    {
        IpCacheRow? row = null;
        await UntilAsync(() => _test.Datapath.IpCache.TryGet(Prefix.Parse(address + "/32"), out row));
        Assert.True(row!.Identity.IsLocal);
        return row.Identity;
    }

    /// <summary>What the endpoint's policy says of an identity, all ports; null for nothing.</summary>
    private PolicyVerdict? Entry(Identity identity) => _test.Datapath.Policies.Snapshot().Values.Single().Entries
        .Where(entry => entry.Key.Direction == TrafficDirection.Egress && entry.Key.Identity == identity)
        .Select(entry => (PolicyVerdict?)entry.Verdict).SingleOrDefault();

    private Task UntilAsync(Func<bool> condition) => TestTables.UntilAsync(Task.WhenAny(_loops).Unwrap(), condition);
}
