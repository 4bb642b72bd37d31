using System.Security.Cryptography;
using System.Text;

namespace Cilium.Lab.Nodes;

/// <summary>Every name a lab uses on the machine, derived from the lab's own name so that labs do not meet.</summary>
internal sealed record LabLayout
{
    /// <param name="name">The lab's name: lower-case letters, digits and dashes, 20 at most.</param>
    /// <param name="root">The folder that holds all labs.</param>
    /// <param name="binaries">The folder with the shipped executables.</param>
    public LabLayout(string name, string root, string binaries)
    {
        if (name.Length is 0 or > 20 || !name.All(c => c is (>= 'a' and <= 'z') or (>= '0' and <= '9') or '-'))
            throw new ArgumentException($"'{name}' is no name for a lab: lower-case letters, digits and dashes, 20 at most", nameof(name));
        Name = name;
        Folder = Path.GetFullPath(Path.Combine(root, name));
        Binaries = Path.GetFullPath(binaries);
    }

    public string Name { get; }

    public string Folder { get; }

    public string Binaries { get; }

    public string NamespacePrefix => $"cl-{Name}-";

    public string UnderlayNamespace => NamespacePrefix + "underlay";

    public string CgroupName => $"cilium-lab-{Name}";

    public string KubeconfigFile => Path.Combine(Folder, "kubeconfig");

    public string StateFile => Path.Combine(Folder, "state.json");

    public string LogFile => Path.Combine(Folder, "lab.log");

    public string ZoneFile => Path.Combine(Folder, "dns.zone");

    public string NodesFolder => Path.Combine(Folder, "nodes");

    public string NodeNamespace(string node) => NamespacePrefix + node;

    public string NodeFolder(string node) => Path.Combine(NodesFolder, node);

    public string PodFolder(string node, string uid) => Path.Combine(NodeFolder(node), "pods", uid);

    /// <summary>The namespace of a pod: short, since tools print it, and unique by the pod's uid.</summary>
    public string PodNamespace(string uid) => $"{NamespacePrefix}p{Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(uid)))[..12]}";

    public string Executable(string name) => Path.Combine(Binaries, name);
}
