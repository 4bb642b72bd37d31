using Cilium.Bpf.InProcess.Maps;
using Cilium.Bpf.InProcess.Memory;
using Cilium.Bpf.Native;

namespace Cilium.Bpf.InProcess.Calls;

/// <summary>Clock, random numbers, CPU, tail calls and loops.</summary>
internal static class HostCalls
{
    private const int MaximumTailCalls = 33;
    private const uint MaximumLoops = 1 << 23;

    internal static ulong Nanoseconds(Machine m, ulong a, ulong b, ulong c, ulong d, ulong e) => m.Engine.Nanoseconds();

    internal static ulong Random(Machine m, ulong a, ulong b, ulong c, ulong d, ulong e) => m.Engine.NextRandom();

    internal static ulong Cpu(Machine m, ulong a, ulong b, ulong c, ulong d, ulong e) => (ulong)m.Cpu;

    internal static ulong Zero(Machine m, ulong a, ulong b, ulong c, ulong d, ulong e) => 0;

    /// <summary>Names the program that the caller enters in place of the one that runs; without one, the program goes on.</summary>
    internal static ulong TailCall(Machine m, ulong context, ulong map, ulong index, ulong d, ulong e)
    {
        if (m.Map(map, 2) is not ProgramArrayStorage programs)
        {
            m.Fault(2, "not an array of programs");
            return 0;
        }
        if (context != Address.Of(Address.Context, 0))
            m.Fault(1, "not the context");
        m.CheckReleased();
        var target = programs.At((uint)index);
        if (target is null || m.TailCalls >= MaximumTailCalls)
            return unchecked((ulong)-Errno.NoEntry);
        if (target.Type != m.Program.Type)
            m.Fault(2, $"{target.Name} is a program of type {target.Type}");
        m.TailCalls++;
        m.TailTarget = target;
        return 0;
    }

    internal static ulong Loop(Machine m, ulong count, ulong function, ulong context, ulong flags, ulong e)
    {
        if (function >> 32 != Address.Functions || (uint)function >= (uint)m.Program.Functions.Length)
            m.Fault(2, "not a function");
        if (flags != 0)
            return unchecked((ulong)-Errno.Invalid);
        if ((uint)count > MaximumLoops)
            return unchecked((ulong)-Errno.TooBig);
        for (var i = 0u; i < (uint)count; i++)
        {
            m.Spend(1);
            if (m.Program.CallBack(m, (int)(uint)function, i, context, 0, 0) != 0)
                return i + 1;
        }
        return (uint)count;
    }
}
