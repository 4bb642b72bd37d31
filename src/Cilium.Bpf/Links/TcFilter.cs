using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>Attachment through the clsact queueing discipline, for kernels without TCX. Devices are of the current namespace.</summary>
public static unsafe class TcFilter
{
    private const uint Handle = 1;
    private const uint Priority = 1;

    /// <summary>Attaches a program in our filter's place (handle 1, priority 1), replacing the filter there, whoever put it.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public static void Attach(BpfProgram program, int ifindex, TcDirection direction)
    {
        using var log = LibBpfLog.Capture();
        var hook = Hook(ifindex, direction);
        var result = LibBpf.bpf_tc_hook_create(&hook);
        if (result is < 0 and not -Errno.Exists)
            throw new KernelException("bpf_tc_hook_create", -result, $"ifindex {ifindex}");
        var options = new LibBpf.TcOptions
        {
            Size = (nuint)sizeof(LibBpf.TcOptions),
            ProgramFd = program.Fd.Number,
            Flags = 1,
            Handle = Handle,
            Priority = Priority,
        };
        result = LibBpf.bpf_tc_attach(&hook, &options);
        GC.KeepAlive(program);
        if (result < 0)
            throw new KernelException("bpf_tc_attach", -result, $"{program.Name} at ifindex {ifindex} {direction}");
    }

    /// <summary>Detaches our filter. Returns false when there was none.</summary>
    public static bool Detach(int ifindex, TcDirection direction)
    {
        using var log = LibBpfLog.Capture();
        var hook = Hook(ifindex, direction);
        var options = new LibBpf.TcOptions { Size = (nuint)sizeof(LibBpf.TcOptions), Handle = Handle, Priority = Priority };
        var result = LibBpf.bpf_tc_detach(&hook, &options);
        return result >= 0 || (result is -Errno.NoEntry or -Errno.Invalid or -Errno.NoDevice
            ? false
            : throw new KernelException("bpf_tc_detach", -result, $"ifindex {ifindex} {direction}"));
    }

    /// <summary>The kernel's id of the program in the place of our filter, whoever put it there; null when there is none.</summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public static uint? FindProgram(int ifindex, TcDirection direction)
    {
        using var log = LibBpfLog.Capture();
        var hook = Hook(ifindex, direction);
        var options = new LibBpf.TcOptions { Size = (nuint)sizeof(LibBpf.TcOptions), Handle = Handle, Priority = Priority };
        var result = LibBpf.bpf_tc_query(&hook, &options);
        return result >= 0 ? options.ProgramId
            : result is -Errno.NoEntry or -Errno.Invalid or -Errno.NoDevice ? null
            : throw new KernelException("bpf_tc_query", -result, $"ifindex {ifindex} {direction}");
    }

    /// <summary>Removes the queueing discipline with all its filters, ours and others'. Returns false when there was none.</summary>
    public static bool DetachAll(int ifindex)
    {
        const uint both = 3;
        using var log = LibBpfLog.Capture();
        var hook = new LibBpf.TcHook { Size = (nuint)sizeof(LibBpf.TcHook), Ifindex = ifindex, AttachPoint = both };
        var result = LibBpf.bpf_tc_hook_destroy(&hook);
        return result >= 0 || (result is -Errno.NoEntry or -Errno.Invalid or -Errno.NoDevice
            ? false
            : throw new KernelException("bpf_tc_hook_destroy", -result, $"ifindex {ifindex}"));
    }

    private static LibBpf.TcHook Hook(int ifindex, TcDirection direction) => new()
    {
        Size = (nuint)sizeof(LibBpf.TcHook),
        Ifindex = ifindex,
        AttachPoint = direction == TcDirection.Ingress ? 1u : 2u,
    };
}
