using System.Runtime.CompilerServices;
using Cilium.Bpf.InProcess.Calls;
using Cilium.Bpf.InProcess.Instructions;
using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess.Interpreter;

/// <summary>Runs a function instruction by instruction; every access to memory is checked.</summary>
internal static unsafe class Interpretation
{
    /// <summary>Runs a function in the machine's current frame. Returns register 0.</summary>
    internal static ulong Run(Machine m, LoadedProgram program, int index, ulong r1, ulong r2, ulong r3, ulong r4, ulong r5)
    {
        RuntimeHelpers.EnsureSufficientExecutionStack();
        var function = program.Functions[index];
        var registers = stackalloc ulong[16];
        registers[1] = r1;
        registers[2] = r2;
        registers[3] = r3;
        registers[4] = r4;
        registers[5] = r5;
        registers[10] = Address.Of(Address.Stack + (uint)m.Depth, Address.FrameBytes);
        new Span<byte>(m.Frame(m.Depth), Address.FrameBytes).Clear();
        var outer = (m.Program, m.Position);
        m.Program = program;
        var position = (long)index << 32;
        m.Position = position;
        m.Spend(function.Code.Length);
        m.Observer?.OnEnter(program.Name, function.Name, index == 0 ? null : LineOf(outer.Program, outer.Position));
        fixed (Instruction* code = function.Code)
        {
            for (var pc = 0; ;)
            {
                ref var i = ref code[pc];
                var next = pc + 1;
                switch (i.Class)
                {
                    case Op.Alu64:
                        registers[i.Destination] = Alu64(i, registers[i.Destination], i.UsesRegister ? registers[i.Source] : i.Value);
                        break;
                    case Op.Alu32:
                        registers[i.Destination] = Alu32(i, registers[i.Destination], i.UsesRegister ? registers[i.Source] : i.Value);
                        break;
                    case Op.Load:
                        registers[i.Destination] = i.Value;
                        next++;
                        break;
                    case Op.LoadRegister:
                        m.Position = position | (uint)pc;
                        registers[i.Destination] = Load(i.Opcode, m.Read(registers[i.Source] + (ulong)i.Offset, (uint)Op.Size(i.Opcode), i.Source));
                        break;
                    case Op.Store:
                        m.Position = position | (uint)pc;
                        Store(i.Opcode, m.Write(registers[i.Destination] + (ulong)i.Offset, (uint)Op.Size(i.Opcode), i.Destination), i.Value);
                        break;
                    case Op.StoreRegister:
                        m.Position = position | (uint)pc;
                        var place = m.Write(registers[i.Destination] + (ulong)i.Offset, (uint)Op.Size(i.Opcode), i.Destination);
                        if ((i.Opcode & 0xe0) == Op.ModeMemory)
                            Store(i.Opcode, place, registers[i.Source]);
                        else
                            Atomic(m, i, place, registers);
                        break;
                    default:
                        switch (i.Opcode)
                        {
                            case Op.JumpAlways or Op.JumpAlways32:
                                next = (int)i.Value;
                                break;
                            case Op.Exit:
                                (m.Program, m.Position) = outer;
                                return registers[0];
                            case Op.Call:
                                m.Position = position | (uint)pc;
                                if (i.Source == 0)
                                {
                                    registers[0] = m.Observer is { } observer
                                        ? Observation.Call(m, observer, function, pc, registers)
                                        : CallTable.Call(i.Immediate)(m, registers[1], registers[2], registers[3], registers[4], registers[5]);
                                    if (m.TailTarget is { } target)
                                    {
                                        m.TailTarget = null;
                                        var tail = target.Invoke(m, Address.Of(Address.Context, 0));
                                        (m.Program, m.Position) = outer;
                                        return tail;
                                    }
                                    break;
                                }
                                m.Position = position | (uint)pc;
                                m.EnterFrame();
                                registers[0] = Run(m, program, (int)i.Value, registers[1], registers[2], registers[3], registers[4], registers[5]);
                                m.Depth--;
                                break;
                            default:
                                var right = i.UsesRegister ? registers[i.Source] : i.Value;
                                if (i.Class == Op.Jump ? Holds(i.Opcode, registers[i.Destination], right) : Holds32(i.Opcode, (uint)registers[i.Destination], (uint)right))
                                    next = pc + 1 + i.Offset;
                                break;
                        }
                        if (next <= pc)
                        {
                            m.Position = position | (uint)pc;
                            m.Spend(pc + 1 - next);
                        }
                        break;
                }
                pc = next;
            }
        }
    }

    internal static void Atomic(Machine m, in Instruction i, byte* place, ulong* registers)
    {
        var is64 = i.Opcode == Op.Atomic64;
        if (((ulong)place & (is64 ? 7u : 3u)) != 0)
            m.Fault(i.Destination, "an atomic operation on an address that is not aligned");
        var old = is64
            ? Arithmetic.Atomic64(place, i.Immediate, registers[i.Source], registers[0])
            : Arithmetic.Atomic32(place, i.Immediate, registers[i.Source], registers[0]);
        if (i.Immediate == 0xf1)
            registers[0] = old;
        else if ((i.Immediate & 1) != 0)
            registers[i.Source] = old;
    }

    private static ulong Load(byte opcode, byte* place) => opcode switch
    {
        0x71 => *place,
        0x69 => Unsafe.ReadUnaligned<ushort>(place),
        0x61 => Unsafe.ReadUnaligned<uint>(place),
        0x79 => Unsafe.ReadUnaligned<ulong>(place),
        0x91 => (ulong)(long)(sbyte)*place,
        0x89 => (ulong)(long)Unsafe.ReadUnaligned<short>(place),
        _ => (ulong)(long)Unsafe.ReadUnaligned<int>(place),
    };

    private static void Store(byte opcode, byte* place, ulong value)
    {
        switch (opcode & 0x18)
        {
            case 0x00: Unsafe.WriteUnaligned(place, (uint)value); break;
            case 0x08: Unsafe.WriteUnaligned(place, (ushort)value); break;
            case 0x10: *place = (byte)value; break;
            default: Unsafe.WriteUnaligned(place, value); break;
        }
    }

    internal static bool Holds(byte opcode, ulong a, ulong b) => (opcode & 0xf0) switch
    {
        0x10 => a == b,
        0x20 => a > b,
        0x30 => a >= b,
        0x40 => (a & b) != 0,
        0x50 => a != b,
        0x60 => (long)a > (long)b,
        0x70 => (long)a >= (long)b,
        0xa0 => a < b,
        0xb0 => a <= b,
        0xc0 => (long)a < (long)b,
        _ => (long)a <= (long)b,
    };

    internal static bool Holds32(byte opcode, uint a, uint b) => (opcode & 0xf0) switch
    {
        0x10 => a == b,
        0x20 => a > b,
        0x30 => a >= b,
        0x40 => (a & b) != 0,
        0x50 => a != b,
        0x60 => (int)a > (int)b,
        0x70 => (int)a >= (int)b,
        0xa0 => a < b,
        0xb0 => a <= b,
        0xc0 => (int)a < (int)b,
        _ => (int)a <= (int)b,
    };

    internal static ulong Alu64(in Instruction i, ulong a, ulong b) => (i.Opcode & 0xf0) switch
    {
        0x00 => a + b,
        0x10 => a - b,
        0x20 => a * b,
        0x30 => i.Offset == 0 ? Arithmetic.Divide(a, b) : Arithmetic.DivideSigned(a, b),
        0x40 => a | b,
        0x50 => a & b,
        0x60 => a << (int)(b & 63),
        0x70 => a >> (int)(b & 63),
        0x80 => 0 - a,
        0x90 => i.Offset == 0 ? Arithmetic.Modulo(a, b) : Arithmetic.ModuloSigned(a, b),
        0xa0 => a ^ b,
        0xb0 => i.Offset switch { 0 => b, 8 => (ulong)(long)(sbyte)b, 16 => (ulong)(long)(short)b, _ => (ulong)(long)(int)b },
        0xc0 => (ulong)((long)a >> (int)(b & 63)),
        _ => Arithmetic.SwapToBig(a, i.Immediate),
    };

    internal static ulong Alu32(in Instruction i, ulong a, ulong b)
    {
        var (x, y) = ((uint)a, (uint)b);
        return (i.Opcode & 0xf0) switch
        {
            0x00 => x + y,
            0x10 => x - y,
            0x20 => x * y,
            0x30 => i.Offset == 0 ? Arithmetic.Divide32(a, b) : Arithmetic.DivideSigned32(a, b),
            0x40 => x | y,
            0x50 => x & y,
            0x60 => x << (int)(y & 31),
            0x70 => x >> (int)(y & 31),
            0x80 => 0 - x,
            0x90 => i.Offset == 0 ? Arithmetic.Modulo32(a, b) : Arithmetic.ModuloSigned32(a, b),
            0xa0 => x ^ y,
            0xb0 => i.Offset switch { 0 => y, 8 => (uint)(sbyte)y, _ => (uint)(short)y },
            0xc0 => (uint)((int)x >> (int)(y & 31)),
            _ => i.UsesRegister ? Arithmetic.SwapToBig(a, i.Immediate) : Arithmetic.Truncate(a, i.Immediate),
        };
    }

    private static string? LineOf(LoadedProgram program, long position) =>
        program.Functions[position >> 32].LineOf((int)(uint)position)?.ToString();
}
