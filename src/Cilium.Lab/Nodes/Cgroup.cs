namespace Cilium.Lab.Nodes;

/// <summary>A folder of the machine's cgroup v2 tree.</summary>
internal sealed class Cgroup
{
    // Half a minute: what was killed ends when the machine has time for it.
    private const int Attempts = 3000;

    private Cgroup(string path) => Path = path;

    public string Path { get; }

    public string ProcessesFile => System.IO.Path.Combine(Path, "cgroup.procs");

    /// <summary>The lab's subtree; created when missing.</summary>
    /// <exception cref="InvalidOperationException">The machine has no cgroup v2 tree.</exception>
    public static Cgroup Open(params ReadOnlySpan<string> names)
    {
        var path = System.IO.Path.Combine([MountPoint(), .. names]);
        Directory.CreateDirectory(path);
        return new Cgroup(path);
    }

    /// <summary>Where cgroup v2 is mounted: alone, or beside version 1 as <c>unified</c>.</summary>
    public static string MountPoint()
    {
        foreach (var line in File.ReadLines("/proc/self/mounts"))
        {
            if (line.Split(' ') is [_, var point, "cgroup2", ..] && point.StartsWith("/sys/fs/cgroup", StringComparison.Ordinal)) return point;
        }

        throw new InvalidOperationException("no cgroup v2 tree is mounted under /sys/fs/cgroup");
    }

    public Cgroup Child(params ReadOnlySpan<string> names)
    {
        var path = System.IO.Path.Combine([Path, .. names]);
        Directory.CreateDirectory(path);
        return new Cgroup(path);
    }

    /// <summary>Kills every process of the subtree.</summary>
    public void Kill() => KillAll(Path);

    /// <summary>Kills every process of the subtree and removes it. True when nothing is left.</summary>
    public static async Task<bool> RemoveAsync(string path, TimeProvider clock)
    {
        if (!Directory.Exists(path)) return true;
        for (var attempt = 0; attempt < Attempts; attempt++)
        {
            KillAll(path);
            if (TryRemove(path)) return true;
            await Task.Delay(TimeSpan.FromMilliseconds(10), clock);
        }

        return false;
    }

    private static void KillAll(string path)
    {
        var kill = System.IO.Path.Combine(path, "cgroup.kill");
        if (File.Exists(kill)) File.WriteAllText(kill, "1");
    }

    private static bool TryRemove(string path)
    {
        try
        {
            foreach (var child in Directory.GetDirectories(path)) TryRemove(child);
            Directory.Delete(path);
            return true;
        }
        catch (Exception busy) when (busy is IOException or UnauthorizedAccessException)
        {
            return !Directory.Exists(path);
        }
    }
}
