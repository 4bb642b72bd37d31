using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Datapath.Endpoints;

namespace Cilium.ControlPlane.Tests.Endpoints;

public sealed class CiliumEndpointDerivationTests
{
    private readonly TestTables _test = new();

    [Fact]
    public async Task While_a_sandbox_is_replaced_the_newest_endpoint_speaks_for_the_pod()
    {
        Add(1, "10.0.0.5", DateTimeOffset.UnixEpoch);
        using var stop = new CancellationTokenSource();
        var running = new CiliumEndpointDerivation(_test.Tables, _test.Options, _test.Self, TimeProvider.System).RunAsync(stop.Token);
        await TestTables.UntilAsync(running, () => Address() == "10.0.0.5");
        Add(2, "10.0.0.6", DateTimeOffset.UnixEpoch.AddSeconds(1));
        await TestTables.UntilAsync(running, () => Address() == "10.0.0.6");
        Remove(1);
        Add(3, "10.0.0.7", DateTimeOffset.UnixEpoch.AddSeconds(-1));
        Remove(2);
        await TestTables.UntilAsync(running, () => Address() == "10.0.0.7");
        Remove(3);
        await TestTables.UntilAsync(running, () => _test.Tables.CiliumEndpoints.Count == 0);
        await TestTables.EndAsync(stop, running);
    }

    private string Address() => _test.Tables.CiliumEndpoints.Snapshot().Values.SingleOrDefault()?.IPv4.ToString() ?? "";

    private void Add(ushort id, string address, DateTimeOffset createdAt) => _test.Write(write =>
    {
        var row = TestTables.Endpoint(id, "pod-a", address) with { CreatedAt = createdAt };
        write.Upsert(_test.Tables.Endpoints, row);
        write.Upsert(_test.Tables.EndpointIdentities, new EndpointIdentityRow { Id = row.Id, Identity = new Identity(300), Labels = TestTables.LabelsOf("a") });
        write.Upsert(_test.Datapath.Endpoints, new EndpointRow
        {
            Id = row.Id,
            InterfaceName = row.InterfaceName,
            InterfaceIndex = row.InterfaceIndex,
            PodMac = row.PodMac,
            HostMac = row.HostMac,
            IPv4 = row.IPv4,
            Identity = new Identity(300),
        });
    });

    private void Remove(ushort id) => _test.Write(write =>
    {
        write.Delete(_test.Tables.Endpoints, new EndpointId(id));
        write.Delete(_test.Tables.EndpointIdentities, new EndpointId(id));
        write.Delete(_test.Datapath.Endpoints, new EndpointId(id));
    });
}
