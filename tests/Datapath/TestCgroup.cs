using System.Globalization;

namespace Cilium.DatapathTests;

/// <summary>A cgroup v2 folder of one test; code runs in it by moving this process in and back, which one test at a time may do.</summary>
internal sealed class TestCgroup : IDisposable
{
    private const string Root = "/sys/fs/cgroup/unified";
    private static readonly Lock s_process = new();
    private static int s_count;

    internal TestCgroup() => Directory.CreateDirectory(Path = $"{Root}/cilium-datapath-test-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}");

    internal string Path { get; }

    /// <summary>Runs in the folder, or in one below it, which is made when it is not there.</summary>
    internal void Run(Action work, string child = "")
    {
        var folder = System.IO.Path.Combine(Path, child);
        Directory.CreateDirectory(folder);
        using var alone = s_process.EnterScope();
        var home = File.ReadLines("/proc/self/cgroup").First(line => line.StartsWith("0::", StringComparison.Ordinal))[3..];
        Enter(folder);
        try
        {
            work();
        }
        finally
        {
            Enter(Root + home);
        }
    }

    /// <summary>Removes a folder below; an absent one is success.</summary>
    internal void Remove(string child)
    {
        if (Directory.Exists($"{Path}/{child}"))
            Directory.Delete($"{Path}/{child}");
    }

    public void Dispose()
    {
        foreach (var child in Directory.GetDirectories(Path))
            Directory.Delete(child);
        Directory.Delete(Path);
    }

    private static void Enter(string folder) =>
        File.WriteAllText($"{folder}/cgroup.procs", Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
}
