namespace Cilium.Bpf.Native;

/// <summary>Error numbers the room distinguishes (asm-generic; 524 is the kernel's internal ENOTSUPP).</summary>
internal static class Errno
{
    internal const int Perm = 1;
    internal const int NoEntry = 2;
    internal const int Interrupted = 4;
    internal const int TooBig = 7;
    internal const int BadDescriptor = 9;
    internal const int Again = 11;
    internal const int NoMemory = 12;
    internal const int AccessDenied = 13;
    internal const int Fault = 14;
    internal const int Busy = 16;
    internal const int Exists = 17;
    internal const int NoDevice = 19;
    internal const int Invalid = 22;
    internal const int NoSpace = 28;
    internal const int NoLink = 67;
    internal const int Protocol = 71;
    internal const int OpNotSupported = 95;
    internal const int Already = 114;
    internal const int NotSupported = 524;

    internal static bool MeansUnsupported(int errno) => errno is Invalid or OpNotSupported or NotSupported;
}
