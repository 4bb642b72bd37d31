using System.Text;
using Cilium.ControlPlane.Addresses;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Policies;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Datapath.Endpoints;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Policies;
using Cilium.Policy;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.ControlPlane.Tests.Policies;

public sealed class PolicyDerivationTests
{
    private const string AllowClient = """
        {"apiVersion":"cilium.io/v2","kind":"CiliumNetworkPolicy","metadata":{"name":"p","namespace":"default"},
         "spec":{"endpointSelector":{"matchLabels":{"app":"server"}},
                 "ingress":[{"fromEndpoints":[{"matchLabels":{"app":"client"}}],"toPorts":[{"ports":[{"port":"80","protocol":"TCP"}]}]},
                            {"fromCIDR":["192.0.2.0/24"]}]}}
        """;

    private readonly TestTables _test = new();
    private readonly FakeDatapath _datapath = new();

    [Fact]
    public async Task Without_rules_endpoints_have_no_policy()
    {
        AddEndpoint(1, "server", 300);
        await TestTables.RunUntilAsync(New(), () => _test.Datapath.Endpoints.Count == 1);
        var row = _test.Datapath.Endpoints.Snapshot().Values.Single();
        Assert.Null(row.Policy);
        Assert.Equal(new Identity(300), row.Identity);
        Assert.Equal("/run/netns/pod-1", row.NetnsPath);
        Assert.Equal(0, _test.Datapath.Policies.Count);
    }

    [Fact]
    public async Task A_rule_gives_its_subjects_one_shared_policy_and_its_prefixes_addresses()
    {
        AddEndpoint(1, "server", 300);
        AddEndpoint(2, "server", 300);
        AddEndpoint(3, "client", 301);
        AddPolicy(AllowClient);
        await TestTables.RunUntilAsync(New(), () => _test.Datapath.Endpoints.Count == 3);
        var rows = _test.Datapath.Endpoints.Snapshot().Values.ToDictionary(row => row.Id.Value);
        Assert.NotNull(rows[1].Policy);
        Assert.Equal(rows[1].Policy, rows[2].Policy);
        Assert.Null(rows[3].Policy);
        var policy = Assert.Single(_test.Datapath.Policies.Snapshot().Values);
        Assert.True(policy.IngressEnforced);
        Assert.False(policy.EgressEnforced);
        Assert.Contains(policy.Entries, entry => entry.Key is { Identity.Value: 301, Port: 80, Protocol: L4Protocol.Tcp });
        var cidr = Assert.Single(_test.Datapath.IpCache.Snapshot().Values);
        Assert.Equal(Prefix.Parse("192.0.2.0/24"), cidr.Prefix);
        Assert.True(cidr.Identity.IsLocal);
        Assert.Contains(policy.Entries, entry => entry.Key.Identity == cidr.Identity);
    }

    [Fact]
    public async Task A_new_identity_changes_the_policy_in_place_and_a_new_rule_takes_a_new_key()
    {
        AddEndpoint(1, "server", 300);
        AddPolicy(AllowClient);
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => _test.Datapath.Endpoints.Count == 1);
        var key = _test.Datapath.Endpoints.Snapshot().Values.Single().Policy;

        _test.Write(write => write.Upsert(
            _test.Kubernetes.CiliumIdentities, new CiliumIdentityRow { Id = new Identity(999), Labels = TestTables.LabelsOf("client") }));
        await TestTables.UntilAsync(
            running, () => _test.Datapath.Policies.Snapshot().Values.Single().Entries.Any(entry => entry.Key.Identity.Value == 999));
        Assert.Equal(key, _test.Datapath.Endpoints.Snapshot().Values.Single().Policy);

        AddPolicy(AllowClient.Replace("\"80\"", "\"81\"", StringComparison.Ordinal));
        await TestTables.UntilAsync(running, () => _test.Datapath.Policies.Snapshot().Keys.All(present => present != key));
        Assert.Equal(_test.Datapath.Endpoints.Snapshot().Values.Single().Policy, Assert.Single(_test.Datapath.Policies.Snapshot().Values).Key);

        _test.Write(write => write.Delete(_test.Kubernetes.Policies, new PolicyObjectKey(PolicyObjectKind.CiliumNetworkPolicy, "default", "p")));
        await TestTables.UntilAsync(running, () => _test.Datapath.Policies.Count == 0);
        Assert.Null(_test.Datapath.Endpoints.Snapshot().Values.Single().Policy);
        await TestTables.UntilAsync(running, () => _test.Datapath.IpCache.Count == 0);
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task Nothing_is_written_before_policies_are_known()
    {
        AddEndpoint(1, "server", 300);
        AddPolicy(AllowClient);
        _test.Kubernetes.Policies.RegisterInitializer("server");
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        Assert.Equal(0, _test.Datapath.Endpoints.Count);
        _test.Kubernetes.Policies.CompleteInitializer("server");
        await TestTables.UntilAsync(running, () => _test.Datapath.Endpoints.Count == 1);
        Assert.NotNull(_test.Datapath.Endpoints.Snapshot().Values.Single().Policy);
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task Nothing_is_written_before_the_named_ports_of_peers_are_known()
    {
        AddEndpoint(1, "server", 300);
        AddPolicy(AllowClient.Replace(
            "\"ingress\":[", "\"egress\":[{\"toPorts\":[{\"ports\":[{\"port\":\"http\",\"protocol\":\"TCP\"}]}]}],\"ingress\":[", StringComparison.Ordinal));
        _test.Kubernetes.CiliumEndpoints.RegisterInitializer("server");
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        Assert.Equal(0, _test.Datapath.Endpoints.Count);
        Assert.Equal(0, _test.Datapath.Policies.Count);
        _test.Write(write =>
        {
            write.Upsert(_test.Kubernetes.CiliumIdentities, new CiliumIdentityRow { Id = new Identity(999), Labels = TestTables.LabelsOf("web") });
            write.Upsert(_test.Kubernetes.CiliumEndpoints, new CiliumEndpointRow
            {
                Namespace = "default",
                Name = "web",
                Identity = new Identity(999),
                NamedPorts = [new ContainerPort("http", 8080, L4Protocol.Tcp)],
            });
        });
        _test.Kubernetes.CiliumEndpoints.CompleteInitializer("server");
        await TestTables.UntilAsync(running, () => _test.Datapath.Endpoints.Count == 1);
        Assert.Contains(
            _test.Datapath.Policies.Snapshot().Values.Single().Entries,
            entry => entry.Key is { Direction: TrafficDirection.Egress, Identity.Value: 999, Port: 8080 });
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task An_endpoint_that_goes_takes_its_rows_along()
    {
        AddEndpoint(1, "server", 300);
        AddPolicy(AllowClient);
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => _test.Datapath.Policies.Count == 1);
        _test.Write(write =>
        {
            write.Delete(_test.Tables.Endpoints, new EndpointId(1));
            write.Delete(_test.Tables.EndpointIdentities, new EndpointId(1));
        });
        await TestTables.UntilAsync(running, () => _test.Datapath.Policies.Count == 0);
        Assert.Equal(0, _test.Datapath.Endpoints.Count);
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task A_prefix_within_another_comes_into_policies_before_it_has_an_address_and_leaves_them_after()
    {
        AddEndpoint(1, "server", 300);
        AddPolicy(Prefixes("192.0.2.0/24"));
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => _test.Datapath.IpCache.Count == 1 && _test.Tables.Store.IsQuiet);
        var first = Endpoint().Policy;

        // What is there each time that the loop waits for the datapath: prefixes, the endpoint's policy, and the prefixes that policies name.
        var waits = new List<string>();
        _datapath.Attempts = (table, _) =>
        {
            var what = ReferenceEquals(table, _test.Datapath.Policies) ? "policies" : ReferenceEquals(table, _test.Datapath.IpCache) ? "addresses" : "endpoints";
            var known = _test.Datapath.Policies.Snapshot().Values.OrderBy(policy => policy.Key.Value)
                .Select(policy => policy.Entries.Select(entry => entry.Key.Identity).Distinct().Count(identity => identity.IsLocal));
            waits.Add($"{what}: {_test.Datapath.IpCache.Count} addresses, {(Endpoint().Policy == first ? "first" : "other")}, {string.Join('+', known)}");
            return Task.CompletedTask;
        };
        AddPolicy(Prefixes("192.0.2.0/24", "192.0.2.128/25"));
        await TestTables.UntilAsync(running, () => Endpoint().Policy != first && _test.Datapath.Policies.Count == 1 && _test.Tables.Store.IsQuiet);
        Assert.Equal(["policies: 1 addresses, first, 2+2", "addresses: 2 addresses, first, 2+2"], waits);

        waits.Clear();
        first = Endpoint().Policy;
        AddPolicy(Prefixes("192.0.2.0/24"));
        await TestTables.UntilAsync(running, () => _test.Datapath.IpCache.Count == 1 && _test.Datapath.Policies.Count == 1 && _test.Tables.Store.IsQuiet);
        Assert.Equal(["endpoints: 2 addresses, other, 2+2", "addresses: 1 addresses, other, 2+2"], waits);
        Assert.Single(_test.Datapath.Policies.Snapshot().Values.Single().Entries.Select(entry => entry.Key.Identity).Distinct(), identity => identity.IsLocal);
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task An_update_that_cannot_be_read_leaves_the_rules_before_it_in_force()
    {
        AddEndpoint(1, "server", 300);
        _test.Write(write => write.Upsert(
            _test.Kubernetes.CiliumIdentities, new CiliumIdentityRow { Id = new Identity(301), Labels = TestTables.LabelsOf("client") }));
        AddPolicy(AllowClient, "u1");
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => _test.Datapath.Policies.Count == 1 && IsQuiet());
        var before = _test.Datapath.Policies.Snapshot().Values.Single();

        // Twice, so that an update is judged by what is in force and not by the update before.
        AddPolicy(Unreadable, "u1");
        await TestTables.UntilAsync(running, IsQuiet);
        AddPolicy(Unreadable.Replace("nobodyKnows", "nobodyCares", StringComparison.Ordinal), "u1");
        await TestTables.UntilAsync(running, IsQuiet);
        Assert.Equal(before, Assert.Single(_test.Datapath.Policies.Snapshot().Values));
        Assert.Equal(before.Key, Endpoint().Policy);
        Assert.Equal(1, _test.Datapath.IpCache.Count);

        AddPolicy(AllowClient.Replace("\"80\"", "\"81\"", StringComparison.Ordinal), "u1");
        await TestTables.UntilAsync(running, () => Endpoint().Policy != before.Key && _test.Datapath.Policies.Count == 1 && IsQuiet());
        Assert.Contains(_test.Datapath.Policies.Snapshot().Values.Single().Entries, entry => entry.Key.Port == 81);

        AddPolicy(Unreadable, "u1");
        _test.Write(write => write.Delete(_test.Kubernetes.Policies, Key));
        await TestTables.UntilAsync(running, () => Endpoint().Policy is null && _test.Datapath.Policies.Count == 0 && IsQuiet());

        // What is made anew begins without.
        AddPolicy(Unreadable, "u1");
        await TestTables.UntilAsync(running, IsQuiet);
        Assert.Null(Endpoint().Policy);
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task An_object_that_never_could_be_read_gives_no_rules()
    {
        AddEndpoint(1, "server", 300);
        AddPolicy(Unreadable, "u1");
        await TestTables.RunUntilAsync(New(), () => _test.Datapath.Endpoints.Count == 1);
        Assert.Null(Endpoint().Policy);
        Assert.Equal(0, _test.Datapath.Policies.Count);
    }

    [Fact]
    public async Task Another_object_of_the_same_name_does_not_inherit_rules()
    {
        AddEndpoint(1, "server", 300);
        AddPolicy(AllowClient, "u1");
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => _test.Datapath.Policies.Count == 1 && IsQuiet());
        AddPolicy(Unreadable, "u2");
        await TestTables.UntilAsync(running, () => Endpoint().Policy is null && _test.Datapath.Policies.Count == 0);
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task Policies_know_an_identity_before_an_endpoint_has_it()
    {
        AddEndpoint(1, "server", 300);
        AddEndpoint(2, "other", 301);
        AddPolicy(AllowClient);
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => _test.Datapath.Endpoints.Count == 2 && IsQuiet());

        // What is there each time that the loop waits for policies: endpoints with the new identity, and whether policies know it.
        var waits = new List<string>();
        var next = new Identity(302);
        _datapath.Attempts = (table, _) =>
        {
            Assert.Same(_test.Datapath.Policies, table);
            var isKnown = _test.Datapath.Policies.Snapshot().Values.Single().Entries.Any(entry => entry.Key.Identity == next);
            waits.Add($"{_test.Datapath.Endpoints.Snapshot().Values.Count(row => row.Identity == next)} endpoints, {(isKnown ? "known" : "unknown")}");
            return Task.CompletedTask;
        };
        AddEndpoint(2, "client", 302);
        await TestTables.UntilAsync(running, () => _test.Datapath.Endpoints.Snapshot().Values.Any(row => row.Identity == next) && IsQuiet());
        Assert.Equal(["0 endpoints, known"], waits);

        // A new endpoint is one that had no identity before.
        waits.Clear();
        next = new Identity(303);
        AddEndpoint(3, "client", 303);
        await TestTables.UntilAsync(running, () => _test.Datapath.Endpoints.Snapshot().Values.Any(row => row.Identity == next) && IsQuiet());
        Assert.Equal(["0 endpoints, known"], waits);

        // Nothing waits when no endpoint becomes somebody else.
        waits.Clear();
        AddPolicy(AllowClient.Replace("\"80\"", "\"81\"", StringComparison.Ordinal));
        await TestTables.UntilAsync(running, () => _test.Datapath.Policies.Snapshot().Values.Any(policy => policy.Entries.Any(entry => entry.Key.Port == 81)) && IsQuiet());
        Assert.Empty(waits);
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task An_identity_that_the_cluster_deleted_goes_when_its_last_endpoint_leaves_it()
    {
        AddEndpoint(1, "server", 300);
        AddIdentity(301, "client");
        AddEndpoint(2, "client", 301);
        AddPolicy(AllowClient);
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => _test.Datapath.Endpoints.Count == 2 && IsQuiet());
        Assert.True(Knows(301));

        // In use, it stays what the endpoint says.
        _test.Write(write => write.Delete(_test.Kubernetes.CiliumIdentities, new Identity(301)));
        await TestTables.UntilAsync(running, IsQuiet);
        Assert.True(Knows(301));
        AddEndpoint(2, "client", 302);
        await TestTables.UntilAsync(running, () => Knows(302) && !Knows(301));

        // The same of an endpoint that goes.
        _test.Write(write =>
        {
            write.Delete(_test.Tables.Endpoints, new EndpointId(2));
            write.Delete(_test.Tables.EndpointIdentities, new EndpointId(2));
        });
        await TestTables.UntilAsync(running, () => !Knows(302));
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task An_identity_of_the_cluster_stays_when_its_last_endpoint_here_leaves_it()
    {
        AddEndpoint(1, "server", 300);
        AddIdentity(301, "client");
        AddEndpoint(2, "client", 301);
        AddPolicy(AllowClient);
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => _test.Datapath.Endpoints.Count == 2 && Knows(301));
        AddEndpoint(2, "client", 302);
        await TestTables.UntilAsync(running, () => Knows(302) && IsQuiet());
        Assert.True(Knows(301));
        await TestTables.EndAsync(stop, running);
    }

    /// <summary>The number may have been given to other labels while the agent was down.</summary>
    [Fact]
    public async Task What_the_cluster_says_of_an_identity_counts_more_than_what_a_restored_endpoint_does()
    {
        AddEndpoint(1, "server", 300);
        AddIdentity(301, "client");
        AddEndpoint(2, "other", 301);
        AddPolicy(AllowClient);
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => _test.Datapath.Endpoints.Count == 2 && _test.Datapath.Policies.Count == 1 && IsQuiet());
        Assert.True(Knows(301));
        AddIdentity(301, "nobody");
        await TestTables.UntilAsync(running, () => !Knows(301));
        await TestTables.EndAsync(stop, running);
    }

    /// <summary>Whether the policy lets an identity in.</summary>
    private bool Knows(uint identity) => _test.Datapath.Policies.Snapshot().Values.SingleOrDefault() is { } policy
        && policy.Entries.Any(entry => entry.Key.Identity.Value == identity);

    private void AddIdentity(uint identity, string app) => _test.Write(write => write.Upsert(
        _test.Kubernetes.CiliumIdentities, new CiliumIdentityRow { Id = new Identity(identity), Labels = TestTables.LabelsOf(app) }));

    private static PolicyObjectKey Key => new(PolicyObjectKind.CiliumNetworkPolicy, "default", "p");

    private static string Unreadable => AllowClient.Replace("\"fromCIDR\"", "\"nobodyKnows\"", StringComparison.Ordinal);

    /// <summary>Whether everything that follows from the tables is done.</summary>
    private bool IsQuiet()
    {
        var revision = _test.Tables.Store.Revision;
        return _test.Tables.Store.IsQuiet && _test.Tables.Store.IsQuiet && _test.Tables.Store.Revision == revision;
    }

    private EndpointRow Endpoint() => _test.Datapath.Endpoints.Snapshot().Values.Single();

    private static string Prefixes(params string[] prefixes) => AllowClient.Replace("\"192.0.2.0/24\"", $"\"{string.Join("\",\"", prefixes)}\"", StringComparison.Ordinal);

    private PolicyDerivation New()
    {
        var local = new LocalIdentityAllocator(_test.Options.Cluster);
        var engine = new PolicyEngine(new PolicyOptions { Cluster = _test.Options.Cluster, AllowLocalhost = false }, local);
        var book = new AddressBook(_test.Tables);
        return new PolicyDerivation(
            _test.Tables,
            _datapath,
            book,
            new EndpointEgress(_test.Tables, _test.Options),
            engine,
            new PolicyObjectRules(new PolicyDecoder(LabelFilter.Default), NullLogger<PolicyObjectRules>.Instance),
            new ApiServerAddresses(_test.Tables, _test.Options, _test.Self, book, engine, local, new FakeDevices()),
            TimeProvider.System);
    }

    private void AddEndpoint(ushort id, string app, uint identity) => _test.Write(write =>
    {
        write.Upsert(_test.Tables.Endpoints, TestTables.Endpoint(id, $"pod-{id}", $"10.0.0.{id}"));
        write.Upsert(_test.Tables.EndpointIdentities, new EndpointIdentityRow
        {
            Id = new EndpointId(id),
            Identity = new Identity(identity),
            Labels = TestTables.LabelsOf(app),
        });
    });

    private void AddPolicy(string json, string uid = "") => _test.Write(write => write.Upsert(_test.Kubernetes.Policies, new PolicyObjectRow
    {
        Key = Key,
        Uid = uid,
        Json = EquatableArray.Create<byte>(Encoding.UTF8.GetBytes(json)),
    }));
}
