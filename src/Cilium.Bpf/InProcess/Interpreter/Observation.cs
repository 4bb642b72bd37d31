using Cilium.Bpf.InProcess.Calls;
using Cilium.Bpf.InProcess.Instructions;
using Cilium.Bpf.InProcess.Maps;
using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess.Interpreter;

/// <summary>Calls a function of the kernel and tells the observer of the run.</summary>
internal static unsafe class Observation
{
    private const int Lookup = 1;
    private const int Update = 2;
    private const int Delete = 3;

    internal static ulong Call(Machine m, IBpfObserver observer, Function function, int pc, ulong* registers)
    {
        var number = function.Code[pc].Immediate;
        var map = registers[1] >> 32 == Address.Maps ? m.Engine.Maps[(uint)registers[1]] : null;
        var hasKey = map is not null && number is Lookup or Update or Delete;
        var key = hasKey ? Bytes(m, registers[2], map!.KeyBytes, 2) : [];
        var value = hasKey && number == Update ? Bytes(m, registers[3], map!.ValueBytes, 3) : [];
        var result = CallTable.Call(number)(m, registers[1], registers[2], registers[3], registers[4], registers[5]);
        if (number == Lookup && result != 0 && map is HashStorage or LpmStorage or ArrayStorage)
            value = Bytes(m, result, map.ValueBytes, 0);
        observer.OnCall(new BpfCall
        {
            Program = m.Program.Name,
            Function = function.Name,
            Instruction = pc,
            SourceLine = function.LineOf(pc)?.ToString(),
            Name = CallTable.Name(number),
            Result = (long)result,
            Map = map?.Name,
            Key = key,
            Value = value,
        });
        return result;
    }

    // A copy: the call may change what it was given.
    private static byte[] Bytes(Machine m, ulong address, int length, int register) =>
        new ReadOnlySpan<byte>(m.Read(address, (uint)length, register), length).ToArray();
}
