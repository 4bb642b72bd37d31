using System.Runtime.InteropServices;

namespace Cilium.Netlink;

/// <summary>The kernel refused a network request. The message has the kernel's own words where it gave any.</summary>
/// <param name="call">The request or system call.</param>
/// <param name="errno">The positive error number.</param>
/// <param name="target">What it was called on: a device, an address, a path.</param>
/// <param name="reason">The kernel's text (extended acknowledgement), or null.</param>
public sealed class NetlinkException(string call, int errno, string target, string? reason = null)
    : Exception($"{call} {target}: {(reason is null ? "" : reason + ": ")}{Marshal.GetPInvokeErrorMessage(errno)} ({errno})")
{
    /// <summary>The request or system call.</summary>
    public string Call { get; } = call;

    /// <summary>The positive error number.</summary>
    public int Errno { get; } = errno;

    /// <summary>What the request was about.</summary>
    public string Target { get; } = target;

    /// <summary>The kernel's text, or null.</summary>
    public string? Reason { get; } = reason;

    /// <summary>Whether the thing to create exists already (EEXIST).</summary>
    public bool IsExists => Errno == 17;

    /// <summary>Whether the thing is absent (ENOENT, ESRCH, ENODEV, ENXIO, EADDRNOTAVAIL).</summary>
    public bool IsNotFound => Errno is 2 or 3 or 6 or 19 or 99;
}
