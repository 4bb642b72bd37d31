using Cilium.ControlPlane.Endpoints;
using Cilium.ControlPlane.Nodes;
using Cilium.ControlPlane.Tests.Agent;
using Cilium.Core;
using Cilium.Ipam;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.ControlPlane.Tests.Endpoints;

public sealed class EndpointCollectorTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("cilium-collector-").FullName;
    private readonly TestTables _test = new();
    private readonly NodeIpam _ipam = new(true, false);
    private readonly Devices _devices = new();

    public EndpointCollectorTests()
    {
        _test.Options.EndpointGcInterval = TimeSpan.FromMilliseconds(5);
        _ipam.SetPodCidrs([Prefix.Parse("10.0.0.0/24")]);
        _test.Kubernetes.Pods.RegisterInitializer("pods");
        _test.Kubernetes.Pods.CompleteInitializer("pods");
    }

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    /// <summary>A list may be older than a pod, and a static pod has another uid: an address in use must not be given to another.</summary>
    [Fact]
    public async Task A_restored_endpoint_whose_pod_is_not_known_stays_while_its_device_does()
    {
        var row = Restored("pod-a");
        using var stop = new CancellationTokenSource();
        var running = New().RunAsync(stop.Token);
        var looks = _devices.Looks;
        await TestTables.UntilAsync(running, () => _devices.Looks > looks + 3);
        Assert.True(_test.Tables.Endpoints.TryGet(row.Id, out var kept) && kept.IsRestored);
        Assert.Single(_ipam.Snapshot());

        _test.Write(write => write.Upsert(_test.Kubernetes.Pods, TestTables.Pod("pod-a")));
        await TestTables.UntilAsync(running, () => _test.Tables.Endpoints.TryGet(row.Id, out var seen) && !seen.IsRestored);
        await TestTables.EndAsync(stop, running);
    }

    [Fact]
    public async Task An_endpoint_without_a_device_goes_with_its_address()
    {
        Restored("pod-a");
        _devices.Present.Clear();
        await TestTables.RunUntilAsync(New(), () => _test.Tables.Endpoints.Count == 0);
        Assert.Empty(_ipam.Snapshot());
    }

    private LocalEndpointRow Restored(string pod)
    {
        var row = TestTables.Endpoint(1, pod, "10.0.0.5") with { IsRestored = true };
        Assert.True(_ipam.Allocate(row.IPv4, row.Owner).IsOk);
        _devices.Present[row.InterfaceIndex] = row.InterfaceName;
        _test.Write(write => write.Upsert(_test.Tables.Endpoints, row));
        return row;
    }

    private EndpointCollector New() => new(
        _test.Tables,
        _test.Options,
        new EndpointRegistry(_test.Tables, _ipam, new EndpointStore(_directory), new FakeDatapath(), TimeProvider.System, NullLogger<EndpointRegistry>.Instance),
        _devices,
        TimeProvider.System,
        NullLogger<EndpointCollector>.Instance);

    private sealed class Devices : ILocalDevices
    {
        public Dictionary<int, string> Present { get; } = [];

        public int Looks { get; private set; }

        public IReadOnlyDictionary<int, string> All()
        {
            Looks++;
            return Present;
        }

        public string? DeviceOf(IpAddr address) => null;

        public IReadOnlyList<IpAddr> AddressesOf(string name) => [];
    }
}
