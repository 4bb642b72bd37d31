using System.Diagnostics;
using Cilium.Api;
using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Datapath.Endpoints;
using Cilium.Ipam;
using Microsoft.Extensions.Logging.Abstractions;
using NamedPort = Cilium.Policy.NamedPort;

namespace Cilium.ControlPlane.Tests.Endpoints;

public sealed class EndpointRegistryTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("cilium-registry-").FullName;
    private readonly FakeDatapath _datapath = new();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public async Task An_endpoint_survives_a_restart_with_its_number_and_address()
    {
        var (first, _, ipam) = New();
        var lease = ipam.Allocate("default/pod-a", expires: true);
        var created = await first.CreateAsync(Request("c1", lease), default);

        var (second, tables, restoredIpam) = New();
        Assert.Empty(second.Restore(_ => true));
        var restored = Assert.Single(tables.Tables.Endpoints.Snapshot().Values);
        Assert.Equal(created with { IsRestored = true }, restored);
        Assert.Equal("default/pod-a", Assert.Single(restoredIpam.Snapshot()).Owner);
        Assert.Equal(AllocationStatus.InUse, restoredIpam.Allocate(created.IPv4, "other/pod").Status);
    }

    [Fact]
    public async Task A_restored_endpoint_without_a_device_is_forgotten_with_its_address()
    {
        var (first, _, ipam) = New();
        await first.CreateAsync(Request("c1", ipam.Allocate("default/pod-a", expires: true)), default);
        var (second, tables, restoredIpam) = New();
        second.Restore(_ => false);
        Assert.Equal(0, tables.Tables.Endpoints.Count);
        Assert.Empty(restoredIpam.Snapshot());
        Assert.Empty(new EndpointStore(_directory).Load().Records);
    }

    [Fact]
    public async Task The_last_identity_comes_back()
    {
        var (registry, tables, ipam) = New();
        var row = await registry.CreateAsync(Request("c1", ipam.Allocate("default/pod-a", expires: true)), default);
        new EndpointStore(_directory).Save(EndpointRecord.Of(
            row, new EndpointIdentityRow { Id = row.Id, Identity = new Identity(4711), Labels = TestTables.LabelsOf("a") }));
        var identity = Assert.Single(New().Registry.Restore(_ => true));
        Assert.Equal(new Identity(4711), identity.Identity);
        Assert.Equal(TestTables.LabelsOf("a"), identity.Labels);
        Assert.Equal(1, tables.Tables.Endpoints.Count);
    }

    [Fact]
    public async Task Creation_does_not_overwrite_the_identity_that_was_saved_meanwhile()
    {
        var (registry, _, ipam) = New();
        var lease = ipam.Allocate("default/pod-a", expires: true);
        // The row wakes the derivation, which may be first at the file.
        var row = EndpointRequests.Read(Request("c1", lease), DateTimeOffset.UnixEpoch) with { Id = new EndpointId(1) };
        new EndpointStore(_directory).Save(EndpointRecord.Of(
            row, new EndpointIdentityRow { Id = row.Id, Identity = new Identity(4711), Labels = TestTables.LabelsOf("a") }));
        Assert.Equal(row.Id, (await registry.CreateAsync(Request("c1", lease), default)).Id);
        Assert.Equal(4711u, Assert.Single(new EndpointStore(_directory).Load().Records).Identity);
    }

    [Fact]
    public async Task A_disk_that_keeps_a_file_keeps_no_address()
    {
        var (registry, tables, ipam) = New(KeepsFirst);
        await registry.CreateAsync(Request("c1", ipam.Allocate("default/pod-a", expires: true)), default);
        await registry.CreateAsync(Request("c2", ipam.Allocate("default/pod-b", expires: true)), default);

        Assert.Equal(2, registry.Delete(_ => true).Count);

        Assert.Equal(0, tables.Tables.Endpoints.Count);
        Assert.Empty(ipam.Snapshot());
        Assert.Equal([1], new EndpointStore(_directory).Load().Records.Select(record => record.Id));
    }

    [Fact]
    public async Task The_number_of_a_file_that_a_disk_keeps_is_given_to_nobody()
    {
        var (first, _, firstIpam) = New();
        await first.CreateAsync(Request("c1", firstIpam.Allocate("default/pod-a", expires: true)), default);
        var last = new EndpointId(ushort.MaxValue - 1);
        new EndpointStore(_directory).Save(EndpointRecord.Of(TestTables.Endpoint(last.Value, "last", "10.0.0.200"), null));

        var keeps = true;
        var (registry, tables, ipam) = New(folder =>
        {
            if (keeps)
                KeepsFirst(folder);
            else
                Directory.Delete(folder, recursive: true);
        });
        registry.Restore(row => row.Id == last);
        Assert.Equal(last, Assert.Single(tables.Tables.Endpoints.Snapshot().Keys));
        Assert.Equal("default/last", Assert.Single(ipam.Snapshot()).Owner);

        // Numbers go round.
        var ids = new List<ushort>();
        foreach (var pod in new[] { "pod-b", "pod-c" })
            ids.Add((await registry.CreateAsync(Request(pod, ipam.Allocate($"default/{pod}", expires: true)), default)).Id.Value);
        Assert.Equal([ushort.MaxValue, 2], ids);

        keeps = false;
        registry.Delete(_ => false);
        Assert.Equal([2, last.Value, (int)ushort.MaxValue], new EndpointStore(_directory).Load().Records.Select(record => (int)record.Id).Order());
    }

    private static void KeepsFirst(string folder)
    {
        if (Path.GetFileName(folder) == "1")
            throw new IOException("Read-only file system");
        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task An_endpoint_deleted_while_it_is_created_leaves_no_file()
    {
        var (registry, tables, ipam) = New();
        // The file is written to a pipe, which holds the creation up between row and file.
        var pipe = Path.Combine(Directory.CreateDirectory(Path.Combine(_directory, "state", "1")).FullName, "ep_config.json.tmp");
        using (var mkfifo = Process.Start("mkfifo", pipe)) await mkfifo.WaitForExitAsync();
        var lease = ipam.Allocate("default/pod-a", expires: true);
        var creation = Task.Run(() => registry.CreateAsync(Request("c1", lease), default));
        while (!tables.Tables.Endpoints.TryGet(new EndpointId(1), out _)) await Task.Delay(1);
        // What a deletion does before it asks the store to forget a file that is not there yet.
        tables.Tables.Store.Write(transaction => transaction.Delete(tables.Tables.Endpoints, new EndpointId(1)));
        using (var reader = new FileStream(pipe, FileMode.Open, FileAccess.Read)) await reader.CopyToAsync(Stream.Null);
        await creation;
        Assert.Empty(Directory.GetDirectories(Path.Combine(_directory, "state")));
    }

    [Fact]
    public void Named_ports_come_back_with_the_identity()
    {
        var endpoint = EndpointRequests.Read(Request("c1", New().Ipam.Allocate("default/pod-a", expires: true)), DateTimeOffset.UnixEpoch) with { Id = new EndpointId(1) };
        var identity = new EndpointIdentityRow
        {
            Id = endpoint.Id,
            Identity = new Identity(4711),
            Labels = TestTables.LabelsOf("a"),
            NamedPorts = NamedPort.Normalize([new("http", L4Protocol.Tcp, 8080), new("dns", L4Protocol.Udp, 53)]),
            PodUid = endpoint.PodUid,
            PodPorts = [new("http", 8080, L4Protocol.Tcp), new("dns", 53, L4Protocol.Udp, 5353), new("", 9, L4Protocol.Sctp)],
        };
        new EndpointStore(_directory).Save(EndpointRecord.Of(endpoint, identity));
        Assert.Equal(identity, Assert.Single(New().Registry.Restore(_ => true)));
    }

    [Fact]
    public void Files_of_versions_that_kept_no_ports_are_read()
    {
        Directory.CreateDirectory(Path.Combine(_directory, "state", "7"));
        File.WriteAllText(
            Path.Combine(_directory, "state", "7", "ep_config.json"),
            """
            { "id": 7, "container-id": "c1", "container-interface-name": "eth0", "interface-name": "lxc1", "interface-index": 17,
              "pod-mac": "02:00:00:00:00:01", "host-mac": "02:00:00:00:00:02", "ipv4": "10.0.0.9", "ipv6": "",
              "pod-namespace": "default", "pod-name": "pod-a", "pod-uid": "u", "netns-path": "/run/netns/a", "netns-cookie": "1",
              "created-at": "2026-01-01T00:00:00+00:00", "identity": 4711, "labels": ["k8s:app=a"] }
            """);
        var identity = Assert.Single(New().Registry.Restore(_ => true));
        Assert.Equal(new Identity(4711), identity.Identity);
        Assert.Empty(identity.NamedPorts);
        Assert.Empty(identity.PodPorts);
    }

    [Fact]
    public async Task A_commit_ends_the_expiration_and_deletion_frees_the_address()
    {
        var (registry, tables, ipam) = New();
        await registry.CreateAsync(Request("c1", ipam.Allocate("default/pod-a", expires: true)), default);
        Assert.Null(Assert.Single(ipam.Snapshot()).ExpirationId);
        Assert.Single(registry.Delete(row => row.ContainerId == "c1"));
        Assert.Empty(registry.Delete(row => row.ContainerId == "c1"));
        Assert.Empty(ipam.Snapshot());
        Assert.Equal(0, tables.Tables.Endpoints.Count);
        Assert.Empty(Directory.GetDirectories(Path.Combine(_directory, "state")));
    }

    [Fact]
    public async Task A_datapath_that_refuses_leaves_nothing()
    {
        var (registry, tables, ipam) = New();
        _datapath.Refuses = "map is full";
        var exception = await Assert.ThrowsAsync<EndpointException>(
            () => registry.CreateAsync(Request("c1", ipam.Allocate("default/pod-a", expires: true)), default));
        Assert.Equal(500, exception.StatusCode);
        Assert.Contains("map is full", exception.Message, StringComparison.Ordinal);
        Assert.Equal(0, tables.Tables.Endpoints.Count);
        Assert.Empty(ipam.Snapshot());
        Assert.Empty(new EndpointStore(_directory).Load().Records);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_refusal_is_the_last_word_only_when_the_endpoints_newest_row_was_attempted(bool isSuccessorDone)
    {
        var (registry, tables, ipam) = New();
        var (written, attempted) = (0L, 0L);
        _datapath.Status = revision =>
        {
            if (written == 0)
            {
                // The row was refused for a policy that had just gone; the one that names the policy's successor comes right behind.
                written = tables.Tables.Store.Write(write => write.Upsert(tables.Datapath.Endpoints, Row(1)));
            }

            return isSuccessorDone && attempted >= written
                ? new ReconcileStatus(ReconcileState.Done, written, "", default, 0)
                : new ReconcileStatus(ReconcileState.Error, revision, "no such policy", default, 1);
        };
        _datapath.Attempts = (table, revision) =>
        {
            Assert.Same(tables.Datapath.Endpoints, table);
            attempted = revision;
            // Others are written all the time.
            tables.Write(write => write.Upsert(tables.Datapath.Endpoints, Row((ushort)(revision + 1))));
            return Task.CompletedTask;
        };
        var creation = registry.CreateAsync(Request("c1", ipam.Allocate("default/pod-a", expires: true)), default);
        if (isSuccessorDone)
        {
            Assert.Equal(new EndpointId(1), (await creation).Id);
            return;
        }

        var refusal = await Assert.ThrowsAsync<EndpointException>(() => creation);
        Assert.Contains("no such policy", refusal.Message, StringComparison.Ordinal);
        Assert.Equal(written, attempted);

        static EndpointRow Row(ushort id) => new()
        {
            Id = new EndpointId(id),
            InterfaceName = $"lxc{id}",
            InterfaceIndex = 17,
            PodMac = default,
            HostMac = default,
            Identity = new Identity(4711),
        };
    }

    [Fact]
    public async Task A_second_attempt_of_the_same_sandbox_replaces_the_first()
    {
        var (registry, tables, ipam) = New();
        await registry.CreateAsync(Request("c1", ipam.Allocate("default/pod-a", expires: true)), default);
        await registry.CreateAsync(Request("c1", ipam.Allocate("default/pod-a", expires: true)), default);
        var row = Assert.Single(tables.Tables.Endpoints.Snapshot().Values);
        Assert.Equal(row.IPv4, Assert.Single(ipam.Snapshot()).Address);
    }

    [Fact]
    public async Task An_address_of_another_endpoint_is_refused()
    {
        var (registry, tables, ipam) = New();
        var lease = ipam.Allocate("default/pod-a", expires: true);
        await registry.CreateAsync(Request("c1", lease), default);
        var exception = await Assert.ThrowsAsync<EndpointException>(() => registry.CreateAsync(Request("c2", lease), default));
        Assert.Equal(409, exception.StatusCode);
        Assert.Equal(1, tables.Tables.Endpoints.Count);
        Assert.Single(ipam.Snapshot());
    }

    [Fact]
    public async Task An_endpoint_of_the_agents_own_is_on_no_disk_and_frees_its_addresses_when_refused()
    {
        var (registry, tables, ipam) = New();
        var own = TestTables.Endpoint(0, "", "10.0.0.9") with { Id = default, ContainerId = "", PodNamespace = "", ReservedIdentity = Identity.Health };
        Assert.Equal("health", own.Owner);
        Assert.True(ipam.Allocate(own.IPv4, own.Owner).IsOk);

        var row = await registry.AddOwnAsync(own, default);
        Assert.Equal([row], tables.Tables.Endpoints.Snapshot().Values);
        Assert.NotEqual(default, row.Id);
        Assert.Empty(new EndpointStore(_directory).Load().Records);
        Assert.Single(ipam.Snapshot());

        registry.Delete(endpoint => endpoint.Id == row.Id);
        Assert.Empty(ipam.Snapshot());
        Assert.True(ipam.Allocate(own.IPv4, own.Owner).IsOk);
        _datapath.Refuses = "map is full";
        await Assert.ThrowsAsync<EndpointException>(() => registry.AddOwnAsync(own, default));
        Assert.Equal(0, tables.Tables.Endpoints.Count);
        Assert.Empty(ipam.Snapshot());
    }

    [Theory]
    [InlineData("mac", "zz")]
    [InlineData("container-id", "")]
    [InlineData("addressing", "")]
    public async Task A_wrong_field_is_named(string field, string value)
    {
        var (registry, _, ipam) = New();
        var request = Request("c1", ipam.Allocate("default/pod-a", expires: true));
        request = field switch
        {
            "mac" => request with { Mac = value },
            "container-id" => request with { ContainerId = value },
            _ => request with { Addressing = null },
        };
        var exception = await Assert.ThrowsAsync<EndpointException>(() => registry.CreateAsync(request, default));
        Assert.Equal(400, exception.StatusCode);
        Assert.Contains(field, exception.Message, StringComparison.Ordinal);
    }

    private static EndpointChangeRequest Request(string container, NodeAddresses addresses) => new()
    {
        ContainerId = container,
        ContainerInterfaceName = "eth0",
        InterfaceName = $"lxc{container}",
        InterfaceIndex = 17,
        Mac = "02:00:00:00:00:01",
        HostMac = "02:00:00:00:00:02",
        K8sNamespace = "default",
        K8sPodName = "pod-a",
        K8sUid = "uid-pod-a",
        SyncBuildEndpoint = true,
        Addressing = new AddressPair
        {
            Ipv4 = addresses.IPv4!.Value.Address.ToString(),
            Ipv4ExpirationUuid = addresses.IPv4.Value.ExpirationId?.ToString(),
        },
    };

    private (EndpointRegistry Registry, TestTables Tables, NodeIpam Ipam) New(Action<string>? removeFolder = null)
    {
        var tables = new TestTables();
        var ipam = new NodeIpam(true, false);
        ipam.SetPodCidrs([Prefix.Parse("10.0.0.0/24")]);
        var registry = new EndpointRegistry(
            tables.Tables, ipam, removeFolder is null ? new EndpointStore(_directory) : new EndpointStore(_directory, removeFolder), _datapath, TimeProvider.System,
            NullLogger<EndpointRegistry>.Instance);
        return (registry, tables, ipam);
    }
}
