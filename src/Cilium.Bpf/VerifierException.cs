namespace Cilium.Bpf;

/// <summary>An object could not be loaded. The message ends with the last lines of the log.</summary>
public sealed class VerifierException : KernelException
{
    private const int TailLines = 24;

    /// <summary>Describes a refused load.</summary>
    /// <param name="errno">The positive error number.</param>
    /// <param name="target">The object's name.</param>
    /// <param name="log">libbpf's messages with the kernel's verifier log inside.</param>
    public VerifierException(int errno, string target, string log)
        : base("bpf_object__load", errno, target, $"bpf_object__load on {target}: {Describe(errno)}\n{Tail(log)}") => Log = log;

    /// <summary>The whole log.</summary>
    public string Log { get; }

    private static string Tail(string log)
    {
        var lines = log.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        return string.Join('\n', lines.AsSpan(Math.Max(0, lines.Length - TailLines))!);
    }
}
