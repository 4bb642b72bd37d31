using System.Runtime.InteropServices;

namespace Cilium.Bpf;

/// <summary>The kernel refused a call. The message names the call, its target and the error.</summary>
public class KernelException : Exception
{
    /// <summary>Describes a refusal.</summary>
    /// <param name="call">The system or library call.</param>
    /// <param name="errno">The positive error number.</param>
    /// <param name="target">What it was called on: a map, a program, a path.</param>
    public KernelException(string call, int errno, string target)
        : this(call, errno, target, $"{call} on {target}: {Describe(errno)}")
    {
    }

    /// <summary>Describes a refusal in the caller's words.</summary>
    protected KernelException(string call, int errno, string target, string message)
        : base(message)
    {
        Call = call;
        Errno = errno;
        Target = target;
    }

    /// <summary>The system or library call.</summary>
    public string Call { get; }

    /// <summary>The positive error number.</summary>
    public int Errno { get; }

    /// <summary>What the call was made on.</summary>
    public string Target { get; }

    /// <summary>The error's text and number, as in "Invalid argument (22)".</summary>
    public static string Describe(int errno) =>
        errno == 524 ? "Operation is not supported by the kernel (524)" : $"{Marshal.GetPInvokeErrorMessage(errno)} ({errno})";
}
