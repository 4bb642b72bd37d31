using System.Globalization;

namespace Cilium.DatapathTests;

/// <summary>A cgroup v2 folder of one test; code runs in it by moving this process in and back.</summary>
internal sealed class TestCgroup : IDisposable
{
    private const string Root = "/sys/fs/cgroup/unified";

    internal TestCgroup() => Directory.CreateDirectory(Path = $"{Root}/cilium-datapath-test-{Environment.ProcessId}");

    internal string Path { get; }

    internal void Run(Action work)
    {
        var home = File.ReadLines("/proc/self/cgroup").First(line => line.StartsWith("0::", StringComparison.Ordinal))[3..];
        Enter(Path);
        try
        {
            work();
        }
        finally
        {
            Enter(Root + home);
        }
    }

    public void Dispose() => Directory.Delete(Path);

    private static void Enter(string folder) =>
        File.WriteAllText($"{folder}/cgroup.procs", Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
}
