using System.Diagnostics;
using System.Text;
using System.Text.Json.Nodes;
using Cilium.Lab.Json;
using Cilium.Netlink;

namespace Cilium.Lab.Nodes;

/// <summary>What the processes of one pod share: namespaces, cgroup, host name and the files that name its network.</summary>
internal sealed class PodSandbox(LabLayout layout, string node, JsonObject pod, Cgroup cgroup, string clusterDns)
{
    private const int LongestHostName = 63;
    private static readonly string[] s_files = ["resolv.conf", "hosts", "hostname"];

    public string Uid => pod.Uid();

    public bool UsesHostNetwork => pod.Flag("spec", "hostNetwork");

    public string NamespaceName => UsesHostNetwork ? layout.NodeNamespace(node) : layout.PodNamespace(Uid);

    public string ContainerId => Uid.Replace("-", "", StringComparison.Ordinal);

    public string Folder => layout.PodFolder(node, Uid);

    public Cgroup Cgroup => cgroup;

    public string HostName => UsesHostNetwork ? node : Shortened(pod.Text("spec", "hostname") ?? pod.Name());

    public string LogFile(string container) => Path.Combine(Folder, $"{container}.log");

    public void Prepare()
    {
        Directory.CreateDirectory(Folder);
        if (UsesHostNetwork) return;
        NetworkNamespace.Delete(NamespaceName);
        UnderlayNetwork.CreatePodNamespace(NamespaceName);
    }

    /// <summary>Writes resolv.conf, hosts and hostname; the pod's addresses are known by now.</summary>
    public void WriteFiles(IReadOnlyList<string> addresses)
    {
        File.WriteAllText(Path.Combine(Folder, "hostname"), HostName + "\n");
        var hosts = new StringBuilder("# Kubernetes-managed hosts file.\n127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n");
        foreach (var address in addresses) hosts.Append(address).Append('\t').Append(HostName).Append('\n');
        foreach (var alias in pod.Items("spec", "hostAliases"))
            hosts.Append(alias.Text("ip")).Append('\t').AppendJoin('\t', alias.Items("hostnames").Select(name => name.Display())).Append('\n');
        File.WriteAllText(Path.Combine(Folder, "hosts"), hosts.ToString());
        File.WriteAllText(Path.Combine(Folder, "resolv.conf"), ResolverFile());
    }

    /// <summary>A host name has 63 characters at most, a pod's name 253: cut as the kubelet does.</summary>
    internal static string Shortened(string name) => name.Length <= LongestHostName ? name : name[..LongestHostName].TrimEnd('-', '.');

    private IEnumerable<(string Source, string Target)> Files =>
        s_files.Select(file => (Path.Combine(Folder, file), "/etc/" + file));

    private string ResolverFile()
    {
        var text = new StringBuilder();
        var policy = pod.TextOr("ClusterFirst", "spec", "dnsPolicy");
        if (policy is "ClusterFirst" && !UsesHostNetwork || policy == "ClusterFirstWithHostNet")
        {
            text.Append("search ").Append(pod.Namespace()).Append(".svc.cluster.local svc.cluster.local cluster.local\n");
            text.Append("nameserver ").Append(clusterDns).Append("\noptions ndots:5\n");
        }

        foreach (var server in pod.Items("spec", "dnsConfig", "nameservers")) text.Append("nameserver ").Append(server.Display()).Append('\n');
        return text.ToString();
    }

    /// <summary>Starts a container's main process: in the pod's cgroup and namespaces, its output going to its log.</summary>
    public Process Start(string container, IReadOnlyList<string> command, IReadOnlyDictionary<string, string> environment, string? workingFolder)
    {
        var script = new StringBuilder();
        script.Append("echo $$ > ").Append(Shell.Quote(cgroup.ProcessesFile)).Append("; exec >>").Append(Shell.Quote(LogFile(container))).Append(" 2>&1 </dev/null; exec \"$@\"");
        var start = new ProcessStartInfo("/bin/sh", ["-c", script.ToString(), "sh", .. command])
        {
            UseShellExecute = false,
            WorkingDirectory = workingFolder is not null && Directory.Exists(workingFolder) ? workingFolder : "/",
        };
        start.Environment.Clear();
        foreach (var (name, value) in environment) start.Environment[name] = value;
        return Shell.Start(start, NetworkNamespace.PathOf(NamespaceName), UsesHostNetwork ? null : () => MountNamespace.EnterNew(HostName, Files));
    }

    /// <summary>The command line that runs a command beside a container's main process.</summary>
    public IReadOnlyList<string> ExecCommand(int processId, IReadOnlyList<string> command, bool terminal)
    {
        var namespaces = UsesHostNetwork ? $"--net={NetworkNamespace.PathOf(NamespaceName)}" : $"--target {processId} --net --mount --uts";
        var script = $"echo $$ > {Shell.Quote(cgroup.ProcessesFile)}; exec nsenter {namespaces} -- \"$@\"";
        string[] launch = ["/bin/sh", "-c", script, "sh"];
        if (!terminal) return [.. launch, .. command];
        return [.. launch, "script", "--quiet", "--return", "--command", string.Join(' ', command.Select(Shell.Quote)), "/dev/null"];
    }

    /// <summary>Ends every process and removes what the pod had on the machine, except its CNI attachment.</summary>
    public async Task RemoveAsync(TimeProvider clock)
    {
        // What still runs uses the rest.
        while (!await Cgroup.RemoveAsync(cgroup.Path, clock))
        {
        }

        if (!UsesHostNetwork) NetworkNamespace.Delete(NamespaceName);
        if (Directory.Exists(Folder)) Directory.Delete(Folder, recursive: true);
    }
}
