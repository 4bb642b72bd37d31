using Cilium.Bpf;

namespace Cilium.KernelTests;

/// <summary>The programs compiled with this project.</summary>
internal static class KernelObjects
{
    internal static BpfObject OpenProbe() => BpfObject.Open("probe", Bytes("probe.bpf.o"));

    internal static byte[] Bytes(string resource)
    {
        using var stream = typeof(KernelObjects).Assembly.GetManifestResourceStream(resource)
            ?? throw new InvalidOperationException($"no resource {resource}");
        var bytes = new byte[stream.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }
}

/// <summary>A bpffs of one test, unmounted with all pins in it.</summary>
internal sealed class PinFolder : IDisposable
{
    private static int s_count;

    internal PinFolder() =>
        BpfFileSystem.EnsureMounted(Path = $"/run/cilium-kernel-test-{Environment.ProcessId}-{Interlocked.Increment(ref s_count)}");

    internal string Path { get; }

    internal string this[string name] => $"{Path}/{name}";

    public void Dispose()
    {
        BpfFileSystem.Unmount(Path);
        Directory.Delete(Path);
    }
}
