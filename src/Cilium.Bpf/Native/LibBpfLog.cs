using System.Runtime.InteropServices;
using System.Text;

namespace Cilium.Bpf.Native;

/// <summary>
/// What libbpf prints during one call on this thread. libbpf has one print function per process, so it is installed once and
/// hands each message to the capture that is open on the calling thread; without one, messages are dropped.
/// </summary>
internal sealed unsafe class LibBpfLog : IDisposable
{
    [ThreadStatic]
    private static LibBpfLog? t_open;

    private readonly StringBuilder _text = new();
    private readonly LibBpfLog? _outer;

    static LibBpfLog() => LibBpf.libbpf_set_print(&Print);

    private LibBpfLog(LibBpfLog? outer) => _outer = outer;

    internal string Text => _text.ToString();

    internal static LibBpfLog Capture() => t_open = new LibBpfLog(t_open);

    /// <summary>Installs the print function, so that libbpf does not write to standard error.</summary>
    internal static void Silence()
    {
        // Running the static constructor is the point.
    }

    public void Dispose() => t_open = _outer;

    [UnmanagedCallersOnly]
    private static int Print(int level, byte* format, nint arguments)
    {
        const int debug = 2;
        var open = t_open;
        if (open is null || level >= debug)
            return 0;
        byte* text;
        if (Libc.vasprintf(&text, format, arguments) < 0)
            return 0;
        open._text.Append(Marshal.PtrToStringUTF8((nint)text));
        Libc.free(text);
        return 0;
    }
}
