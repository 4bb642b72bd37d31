using System.Collections.Concurrent;
using Cilium.ControlPlane.Agent;
using Cilium.ControlPlane.Endpoints;
using Cilium.Core;
using Cilium.Core.Tables;
using Cilium.Datapath;
using Cilium.Datapath.Nodes;
using Cilium.Kubernetes;
using Cilium.Policy;

namespace Cilium.ControlPlane.Tests.Agent;

/// <summary>Tables with one node, as an agent named <c>node-a</c> has them.</summary>
internal sealed class TestTables
{
    public TestTables()
    {
        var store = new StateStore();
        Kubernetes = new KubernetesTables(store);
        Datapath = new DatapathTables(store);
        Tables = new AgentTables(store, Kubernetes, Datapath);
        Options.NodeName = "node-a";
    }

    public AgentOptions Options { get; } = new();

    public KubernetesTables Kubernetes { get; }

    public DatapathTables Datapath { get; }

    public AgentTables Tables { get; }

    public LocalNodeRow Self { get; } = new()
    {
        Name = "node-a",
        IPv4 = IpAddr.Parse("172.18.0.2"),
        RouterIPv4 = IpAddr.Parse("10.0.0.1"),
        PodPrefixes = [Prefix.Parse("10.0.0.0/24")],
    };

    public void Write(Action<WriteTransaction> body) => Tables.Store.Write(body);

    public static LocalEndpointRow Endpoint(ushort id, string pod, string address) => new()
    {
        Id = new EndpointId(id),
        ContainerId = $"container-{id}",
        ContainerInterfaceName = "eth0",
        InterfaceName = $"lxc{id}",
        InterfaceIndex = 100 + id,
        PodMac = new MacAddress(id),
        HostMac = new MacAddress(1000u + id),
        IPv4 = IpAddr.Parse(address),
        PodNamespace = "default",
        PodName = pod,
        PodUid = $"uid-{pod}",
        NetnsPath = $"/run/netns/{pod}",
    };

    public static PodRow Pod(string name, params (string Key, string Value)[] labels) => new()
    {
        Namespace = "default",
        Name = name,
        Uid = $"uid-{name}",
        NodeName = "node-a",
        Labels = StringMap.Create(labels.Select(label => new KeyValuePair<string, string>(label.Key, label.Value))),
        ServiceAccount = "default",
    };

    public static LabelSet LabelsOf(string app) => LabelSet.Parse(
        $"k8s:app={app}", "k8s:io.cilium.k8s.policy.cluster=default", "k8s:io.cilium.k8s.policy.serviceaccount=default", "k8s:io.kubernetes.pod.namespace=default");

    /// <summary>Runs a loop until a condition on the tables holds; fails after half a minute.</summary>
    public static async Task RunUntilAsync(IAgentLoop loop, Func<bool> condition)
    {
        using var stop = new CancellationTokenSource();
        var running = loop.RunAsync(stop.Token);
        await UntilAsync(running, condition);
        await EndAsync(stop, running);
    }

    /// <summary>Cancels a loop and waits until it has ended, so that it writes nothing more.</summary>
    public static async Task EndAsync(CancellationTokenSource stop, Task running)
    {
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    /// <summary>Waits for a condition on the tables while a loop runs.</summary>
    public static async Task UntilAsync(Task running, Func<bool> condition)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!condition())
        {
            Assert.False(running.IsFaulted, running.Exception?.ToString());
            Assert.False(patience.IsCancellationRequested, "the condition did not come true");
            await Task.Delay(1);
        }
    }
}

/// <summary>Numbers from 256 on, one per label set; may be told to keep silent.</summary>
internal sealed class FakeIdentityAllocator : IIdentityAllocator
{
    private readonly Dictionary<LabelSet, Identity> _given = [];
    private readonly TaskCompletionSource _released = new();
    private uint _forgotten;
    private int _answered;

    public bool IsAway { get; set; }

    /// <summary>The questions, in their order.</summary>
    public ConcurrentQueue<LabelSet> Asked { get; } = [];

    /// <summary>How many of them have been answered.</summary>
    public int Answered => Volatile.Read(ref _answered);

    /// <summary>What the next question ends with, a moment after it was asked; null for an answer.</summary>
    public Exception? Failure { get; set; }

    /// <summary>As if the identities had been deleted: the next that asks gets a number that nobody had.</summary>
    public void Forget()
    {
        lock (_given)
        {
            _forgotten += (uint)_given.Count;
            _given.Clear();
        }
    }

    public void ComeBack()
    {
        IsAway = false;
        _released.TrySetResult();
    }

    public async ValueTask<Identity> AllocateAsync(LabelSet labels, CancellationToken cancellationToken)
    {
        Asked.Enqueue(labels);
        if (IsAway)
        {
            await _released.Task.WaitAsync(cancellationToken);
        }

        if (Failure is { } failure)
        {
            await Task.Yield();
            Failure = null;
            throw failure;
        }

        lock (_given)
        {
            if (!_given.TryGetValue(labels, out var identity))
            {
                _given[labels] = identity = new Identity(Identity.MinimumAllocated + _forgotten + (uint)_given.Count);
            }

            Interlocked.Increment(ref _answered);
            return identity;
        }
    }

    /// <summary>What was given back, in order.</summary>
    public ConcurrentQueue<Identity> Released { get; } = [];

    public ValueTask ReleaseAsync(Identity identity, CancellationToken cancellationToken)
    {
        Released.Enqueue(identity);
        return ValueTask.CompletedTask;
    }
}
