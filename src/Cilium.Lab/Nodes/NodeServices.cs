using System.Text.Json.Nodes;
using Cilium.Lab.Cluster;
using Cilium.Lab.Json;

namespace Cilium.Lab.Nodes;

/// <summary>What the pods of one node share.</summary>
internal sealed class NodeServices : IDisposable
{
    private const int SandboxesAtOnce = 16;

    public NodeServices(ClusterState state, LabLayout layout, string node, NodeAddresses addresses, string clusterDns, ContainerCommand commands)
    {
        State = state;
        Layout = layout;
        Node = node;
        Addresses = addresses;
        ClusterDns = clusterDns;
        Commands = commands;
        Cni = new CniRuntime(layout, node);
        StatusWriter = new PodStatusWriter(state, node);
        Cgroup = Cgroup.Open(layout.CgroupName, node);
    }

    public ClusterState State { get; }

    public LabLayout Layout { get; }

    public string Node { get; }

    public NodeAddresses Addresses { get; }

    public string ClusterDns { get; }

    public ContainerCommand Commands { get; }

    public CniRuntime Cni { get; }

    public PodStatusWriter StatusWriter { get; }

    public Cgroup Cgroup { get; }

    /// <summary>Bounds how many pods get their network at the same time: more would only wait for each other.</summary>
    public SemaphoreSlim SandboxTurns { get; } = new(SandboxesAtOnce);

    public void Dispose() => SandboxTurns.Dispose();

    public PodSandbox CreateSandbox(JsonObject pod) => new(Layout, Node, pod, Cgroup.Child("pods", pod.Uid()), ClusterDns);
}
