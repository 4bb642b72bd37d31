using System.Globalization;

namespace Cilium.KernelTests;

/// <summary>A cgroup v2 folder of one test; code runs in it by moving this process in and back, which one test at a time may do.</summary>
internal sealed class TestCgroup : IDisposable
{
    private const string Root = "/sys/fs/cgroup/unified";
    private static readonly Lock s_process = new();
    private static int s_count;

    internal TestCgroup() =>
        Directory.CreateDirectory(Path = $"{Root}/cilium-kernel-test-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}");

    internal string Path { get; }

    internal T Run<T>(Func<T> work)
    {
        using var alone = s_process.EnterScope();
        var home = File.ReadLines("/proc/self/cgroup").First(line => line.StartsWith("0::", StringComparison.Ordinal))[3..];
        Enter(Path);
        try
        {
            return work();
        }
        finally
        {
            Enter(Root + home);
        }
    }

    public void Dispose()
    {
        var began = TimeProvider.System.GetTimestamp();
        while (true)
        {
            try
            {
                Directory.Delete(Path);
                return;
            }
            catch (IOException) when (TimeProvider.System.GetElapsedTime(began) < TimeSpan.FromSeconds(10))
            {
                // What was started while this process was in the folder stays there.
                MoveTheOthersOut();
                Thread.Sleep(10);
            }
        }
    }

    private void MoveTheOthersOut()
    {
        foreach (var process in File.ReadAllLines($"{Path}/cgroup.procs"))
        {
            try
            {
                File.WriteAllText($"{Root}/cgroup.procs", process);
            }
            catch (IOException)
            {
                // It ended meanwhile.
                continue;
            }
        }
    }

    private static void Enter(string folder) =>
        File.WriteAllText($"{folder}/cgroup.procs", Environment.ProcessId.ToString(CultureInfo.InvariantCulture));
}
