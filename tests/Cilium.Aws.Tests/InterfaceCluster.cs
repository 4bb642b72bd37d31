using System.Text;
using System.Text.Json.Nodes;
using Cilium.Aws.Tests.Ec2;
using Cilium.ControlPlane.Ipam;
using Cilium.ControlPlane.Operator;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Ipam;
using Cilium.Kubernetes;
using Cilium.Kubernetes.Decoding;
using Cilium.Kubernetes.Tests;
using Microsoft.Extensions.Logging.Abstractions;

namespace Cilium.Aws.Tests;

/// <summary>An operator and the address lists of nodes, over an API server in memory and an EC2 endpoint. Each step is the test's.</summary>
internal sealed class InterfaceCluster : IDisposable
{
    public const string Nodes = "apis/cilium.io/v2/ciliumnodes";
    private readonly Ec2Endpoint _endpoint;
    private readonly InterfaceOptions _options;
    private readonly Dictionary<string, string> _instances;
    private Ec2InterfaceCloud _cloud = null!;
    private InterfaceLoop _loop = null!;
    private KubernetesTables _tables = null!;

    public InterfaceCluster(Ec2Endpoint endpoint, InterfaceOptions options, IReadOnlyList<string> nodes, AddressWatermarks watermarks, NodeInstance? settings = null)
    {
        _endpoint = endpoint;
        _options = options;
        _instances = nodes.Select((name, index) => (name, index)).ToDictionary(pair => pair.name, pair => $"i-{pair.index}");
        Server = new FakeApiServer(Clock);
        foreach (var (name, instance) in _instances)
        {
            var known = endpoint.Model.Instances[instance];
            Server.Put($"{Nodes}/{name}", new JsonObject());
            new CiliumNodeWriter(Server.Connection).ApplyAsync(
                new CiliumNodeContent
                {
                    Name = name,
                    Instance = (settings ?? new NodeInstance()) with { Id = instance, Type = known.Type, Zone = known.Zone, Network = known.Network, SubnetId = "subnet-a" },
                    Watermarks = watermarks,
                },
                CancellationToken.None).GetAwaiter().GetResult();
            Agents[name] = new ListedIpam(true, false, Clock);
        }

        RestartOperator();
    }

    public TestClock Clock { get; } = new();

    public FakeApiServer Server { get; }

    /// <summary>The addresses of each node.</summary>
    public Dictionary<string, ListedIpam> Agents { get; } = [];

    /// <summary>A new operator, which knows nothing.</summary>
    public void RestartOperator()
    {
        _cloud?.Dispose();
        _cloud = Scenes.Cloud(_endpoint);
        _tables = new KubernetesTables(new StateStore());
        _loop = new InterfaceLoop(_tables.CiliumNodes, new NodeInterfaceWriter(Server.Connection), _cloud, _options, Clock, new Random(1), NullLogger.Instance);
    }

    /// <summary>The operator looks at a node; false when the cloud refused.</summary>
    public async Task<bool> OperateAsync(string node)
    {
        _tables.Store.Write(transaction => transaction.Replace(_tables.CiliumNodes, Agents.Keys.Select(Row)));
        try
        {
            await _loop.HandleAsync(node, CancellationToken.None);
            return true;
        }
        catch (CloudRefusedException)
        {
            return false;
        }
    }

    /// <summary>The agent of a node takes over its list, and tells use and answers.</summary>
    public async Task ListAsync(string node)
    {
        var row = Row(node);
        var ipam = Agents[node];
        var answers = AddressListLoop.Take(ipam, row, needsInterface: true, isRestored: true);
        var used = ipam.Snapshot().ToDictionary(lease => lease.Address.ToString(), string? (lease) => lease.Owner);
        foreach (var gone in row.UsedAddresses.Keys.Where(address => !used.ContainsKey(address))) used[gone] = null;
        await new CiliumNodeWriter(Server.Connection).SetUsedAddressesAsync(row, used, answers.ToDictionary(pair => pair.Key.ToString(), pair => pair.Value), CancellationToken.None);
    }

    public CiliumNodeRow Row(string node) => CiliumNodeDecoder.Node(Encoding.UTF8.GetBytes(Server.Get($"{Nodes}/{node}")!.ToJsonString()))!;

    /// <summary>The addresses that EC2 says are the instance's for pods.</summary>
    public HashSet<IpAddr> InCloud(string node) =>
        _endpoint.Model.Read(all => all.Where(one => one.Instance == _instances[node]).SelectMany(one => one.PodAddresses).ToHashSet());

    /// <summary>Operator and agents in turn, with time passing, until nothing is left to do.</summary>
    public async Task SettleAsync(int rounds = 12)
    {
        for (var round = 0; round < rounds; round++)
        {
            Clock.Advance(TimeSpan.FromMinutes(2));
            foreach (var node in Agents.Keys)
            {
                await OperateAsync(node);
                await ListAsync(node);
                await OperateAsync(node);
                await ListAsync(node);
            }
        }
    }

    public void Dispose()
    {
        _cloud.Dispose();
        Server.Dispose();
    }
}
