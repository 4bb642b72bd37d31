using System.Runtime.InteropServices;

namespace Cilium.Lab.Nodes;

/// <summary>Sends signals to processes.</summary>
internal static class Signals
{
    private const int TermSignal = 15;
    private const int KillSignal = 9;

    /// <summary>Asks a process to end; false when there is none.</summary>
    public static bool Terminate(int processId) => processId > 1 && Send(processId, TermSignal) == 0;

    public static bool Kill(int processId) => processId > 1 && Send(processId, KillSignal) == 0;

    [DllImport("libc", EntryPoint = "kill")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static extern int Send(int processId, int signal);
}
