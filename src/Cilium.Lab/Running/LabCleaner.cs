using Cilium.Lab.Nodes;
using Cilium.Netlink;

namespace Cilium.Lab.Running;

/// <summary>Removes whatever a lab may have left on the machine; what is not there is no error.</summary>
internal sealed class LabCleaner(LabLayout layout, TimeProvider clock)
{
    public async Task CleanAsync(CancellationToken cancel)
    {
        // 1. Processes hold everything else.
        await Cgroup.RemoveAsync(Path.Combine(Cgroup.MountPoint(), layout.CgroupName), clock);

        // 2. Namespaces, by the names the lab's folder holds.
        if (Directory.Exists(layout.NodesFolder))
        {
            foreach (var node in Directory.GetDirectories(layout.NodesFolder))
            {
                var pods = Path.Combine(node, "pods");
                foreach (var pod in Directory.Exists(pods) ? Directory.GetDirectories(pods) : []) NetworkNamespace.Delete(layout.PodNamespace(Path.GetFileName(pod)));
                NetworkNamespace.Delete(layout.NodeNamespace(Path.GetFileName(node)));
            }
        }

        NetworkNamespace.Delete(layout.UnderlayNamespace);

        // 3. Mounts, innermost first.
        foreach (var mount in MountsBelow(layout.Folder)) await Shell.RunAsync(["umount", "--lazy", mount], cancel);

        // 4. Files.
        if (Directory.Exists(layout.Folder)) Directory.Delete(layout.Folder, recursive: true);
    }

    private static List<string> MountsBelow(string folder) =>
        [.. File.ReadLines("/proc/self/mounts").Select(line => line.Split(' ')).Where(fields => fields.Length > 1)
            .Select(fields => fields[1].Replace("\\040", " ", StringComparison.Ordinal))
            .Where(point => point.StartsWith(folder + "/", StringComparison.Ordinal)).Reverse()];
}
