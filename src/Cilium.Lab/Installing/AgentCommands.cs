using Cilium.Lab.Cluster;
using Cilium.Lab.Json;
using Cilium.Lab.Nodes;
using Cilium.Lab.Storage;

namespace Cilium.Lab.Installing;

/// <summary>
/// Starts the shipped agent and operator on a node. As the chart's init containers do, it writes the configuration into one file per
/// key first, so a changed ConfigMap takes effect with the next start.
/// </summary>
internal sealed class AgentCommands(ClusterState state, LabLayout layout) : IAgentCommands
{
    public async Task<IReadOnlyList<string>> AgentAsync(string node, IDictionary<string, string> environment, CancellationToken cancel)
    {
        var folder = layout.NodeFolder(node);
        var run = Path.Combine(folder, "run");
        environment["K8S_NODE_NAME"] = node;
        environment["CILIUM_SOCK"] = Path.Combine(run, "cilium.sock");
        return
        [
            layout.Executable("cilium-agent"),
            $"--config-dir={await WriteConfigurationAsync(node, "agent-config", cancel)}",
            $"--k8s-kubeconfig-path={NodeKubeconfig(node)}",
            $"--k8s-node-name={node}",
            $"--bpf-root={Path.Combine(folder, "bpf")}",
            $"--cgroup-root={Cgroup.Open(layout.CgroupName, node).Path}",
            $"--state-dir={run}",
            $"--socket-path={Path.Combine(run, "cilium.sock")}",
            $"--hubble-socket-path={Path.Combine(run, "hubble.sock")}",
            $"--cni-conf-dir={Path.Combine(folder, "cni", "net.d")}",
            $"--cni-plugin-path={layout.Executable("cilium-cni")}",
            $"--cni-bin-dir={Path.Combine(folder, "cni", "bin")}",
        ];
    }

    public async Task<IReadOnlyList<string>> OperatorAsync(string node, IDictionary<string, string> environment, CancellationToken cancel)
    {
        environment["K8S_NODE_NAME"] = node;
        return
        [
            layout.Executable("cilium-operator"),
            $"--config-dir={await WriteConfigurationAsync(node, "operator-config", cancel)}",
            $"--k8s-kubeconfig-path={NodeKubeconfig(node)}",
        ];
    }

    /// <summary>The kubeconfig for programs inside the nodes.</summary>
    public string NodeKubeconfig(string node) => Path.Combine(layout.NodeFolder(node), "kubeconfig");

    private async Task<string> WriteConfigurationAsync(string node, string name, CancellationToken cancel)
    {
        var folder = Path.Combine(layout.NodeFolder(node), name);
        if (Directory.Exists(folder)) Directory.Delete(folder, recursive: true);
        Directory.CreateDirectory(folder);
        var data = (state.Store.Get(BuiltInKinds.ConfigMaps, CiliumInstallation.Namespace, "cilium-config")?.Json).Members("data");
        foreach (var (key, value) in data ?? [])
        {
            // The chart's paths are those of a container; here the node's own folders come with the flags.
            if (key is not "write-cni-conf-when-ready") await File.WriteAllTextAsync(Path.Combine(folder, key), value.Display(), cancel);
        }

        return folder;
    }
}
