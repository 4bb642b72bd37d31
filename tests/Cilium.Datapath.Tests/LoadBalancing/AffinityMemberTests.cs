using Cilium.Bpf;
using Cilium.Bpf.InProcess;
using Cilium.Core;
using Cilium.Core.Reconciliation;
using Cilium.Core.Tables;
using Cilium.Datapath.Kernel;
using Cilium.Datapath.LoadBalancing;
using Cilium.Datapath.Maps;

namespace Cilium.Datapath.Tests.LoadBalancing;

/// <summary>Which clients may keep which backend follows who is given it.</summary>
public sealed class AffinityMemberTests : IDisposable
{
    private static readonly L4Address s_frontend = At("10.96.0.1", 80);
    private static readonly L4Address s_here = At("10.0.0.10", 8080);
    private static readonly L4Address s_elsewhere = At("10.0.1.10", 8080);

    private readonly BpfObject _object = DatapathLoader.Open("bpf/lxc.bpf.o", new InProcessEngine());
    private readonly DatapathMaps _maps;
    private FrontendOperations _operations;
    private FrontendRow? _row;

    public AffinityMemberTests()
    {
        foreach (var program in _object.Programs)
            _object.SetAutoload(program.Name, load: false);
        foreach (var map in _object.Maps.Where(map => map.Shape.Type is MapType.LruHash or MapType.LpmTrie))
            _object.SetMaxEntries(map.Name, 64);
        _object.Load();
        _maps = new DatapathMaps(_object.Map);
        _operations = new FrontendOperations(_maps.Services);
    }

    [Fact]
    public async Task External_traffic_that_becomes_local_leaves_backends_elsewhere_to_clients_inside()
    {
        await Apply(isLocal: false, BackendState.Active);
        Assert.Equal((AffinityClients.All, AffinityClients.All), Clients());
        await Apply(isLocal: true, BackendState.Active);
        Assert.Equal((AffinityClients.All, AffinityClients.Inside), Clients());
        await Apply(isLocal: false, BackendState.Active);
        Assert.Equal((AffinityClients.All, AffinityClients.All), Clients());
    }

    [Fact]
    public async Task A_backend_here_that_goes_is_kept_by_clients_outside_only()
    {
        await Apply(isLocal: true, BackendState.Active);
        await Apply(isLocal: true, BackendState.Terminating);
        Assert.Equal((AffinityClients.Outside, AffinityClients.Inside), Clients());

        // After a restart the maps are what is known.
        _operations = new FrontendOperations(_maps.Services);
        await Apply(isLocal: true, BackendState.Active);
        Assert.Equal((AffinityClients.All, AffinityClients.Inside), Clients());
    }

    public void Dispose()
    {
        _maps.Dispose();
        _object.Dispose();
    }

    private static L4Address At(string address, ushort port) => new(IpAddr.Parse(address), port, L4Protocol.Tcp);

    private (AffinityClients Here, AffinityClients Elsewhere) Clients()
    {
        var ids = _maps.Services.Backends.ToDictionary().ToDictionary(entry => ServiceState.AddressOf(entry.Value), entry => entry.Key);
        var members = _maps.Services.AffinityMembers.ToDictionary().ToDictionary(entry => entry.Key.BackendId, entry => (AffinityClients)entry.Value);
        return (members.GetValueOrDefault(ids[s_here]), members.GetValueOrDefault(ids[s_elsewhere]));
    }

    private async Task Apply(bool isLocal, BackendState here)
    {
        var row = new FrontendRow
        {
            Address = s_frontend,
            Kind = FrontendKind.LoadBalancer,
            ServiceNamespace = "default",
            ServiceName = "web",
            ExternalIsLocal = isLocal,
            Affinity = TimeSpan.FromHours(1),
            Backends = [new BackendRef(s_here, here, IsLocal: true), new BackendRef(s_elsewhere, BackendState.Active)],
        };
        await _operations.ApplyAsync(
            new ReconcileBatch<L4Address, FrontendRow>([new TableChange<L4Address, FrontendRow>(s_frontend, _row, row, 1)]), TestContext.Current.CancellationToken);
        _row = row;
    }
}
