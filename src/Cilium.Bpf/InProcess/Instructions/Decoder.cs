using System.Buffers.Binary;

namespace Cilium.Bpf.InProcess.Instructions;

/// <summary>Decodes instructions and refuses what RFC 9669 does not define, so that what runs has only known forms.</summary>
internal static class Decoder
{
    private const int StackRegister = 10;

    /// <param name="bytes">Eight bytes per instruction.</param>
    /// <param name="refuse">Makes the exception for a reason.</param>
    internal static Instruction[] Decode(ReadOnlySpan<byte> bytes, Func<string, Exception> refuse)
    {
        var code = new Instruction[bytes.Length / 8];
        for (var i = 0; i < code.Length; i++)
        {
            var raw = bytes.Slice(i * 8, 8);
            var immediate = BinaryPrimitives.ReadInt32LittleEndian(raw[4..]);
            code[i] = new Instruction
            {
                Opcode = raw[0],
                Destination = (byte)(raw[1] & 15),
                Source = (byte)(raw[1] >> 4),
                Offset = BinaryPrimitives.ReadInt16LittleEndian(raw[2..]),
                Immediate = immediate,
                Value = (ulong)(long)immediate,
            };
            if (raw[0] == Op.WideImmediate)
            {
                if (i + 1 == code.Length || bytes[(i + 1) * 8] != 0)
                    throw refuse($"the 64-bit immediate at instruction {i} has no second half");
                code[i].Value = (uint)immediate | ((ulong)BinaryPrimitives.ReadUInt32LittleEndian(bytes[((i * 8) + 12)..]) << 32);
                i++;
            }
        }
        if (code.Length == 0)
            throw refuse("there is no code");
        for (var i = 0; i < code.Length; i++)
        {
            if (Fault(ref code[i], i, code) is { } reason)
                throw refuse($"instruction {i} (opcode 0x{code[i].Opcode:x2}): {reason}");
            if (code[i].Opcode == Op.WideImmediate)
                i++;
        }
        if (code[^1].Opcode is not (Op.Exit or Op.JumpAlways or Op.JumpAlways32))
            throw refuse("the code runs on behind its end");
        return code;
    }

    private static string? Fault(ref Instruction instruction, int index, Instruction[] code)
    {
        if (instruction.Destination > StackRegister || instruction.Source > StackRegister)
            return "there is no such register";
        return instruction.Class switch
        {
            Op.Alu32 or Op.Alu64 => Arithmetic(instruction),
            Op.Jump or Op.Jump32 => Jump(ref instruction, index, code),
            Op.Load => instruction.Opcode == Op.WideImmediate ? WriteTo(instruction) : "not defined, or a legacy packet access",
            Op.LoadRegister => (instruction.Opcode & 0xe0) switch
            {
                Op.ModeMemory => WriteTo(instruction),
                Op.ModeSignExtended when Op.Size(instruction.Opcode) < 8 => WriteTo(instruction),
                _ => "no such load",
            },
            Op.Store => (instruction.Opcode & 0xe0) == Op.ModeMemory ? null : "no such store",
            _ => (instruction.Opcode & 0xe0) == Op.ModeMemory ? null : Atomic(instruction),
        };
    }

    private static string? WriteTo(in Instruction instruction) =>
        instruction.Destination == StackRegister ? "the frame pointer cannot be written" : null;

    private static string? Arithmetic(in Instruction instruction)
    {
        var is64 = instruction.Class == Op.Alu64;
        var width = is64 ? 64 : 32;
        switch (instruction.Opcode & 0xf0)
        {
            case 0x30 or 0x90:
                if (instruction.Offset is not (0 or 1))
                    return "no such division";
                if (!instruction.UsesRegister && instruction.Immediate == 0)
                    return "a division by zero";
                break;
            case 0x60 or 0x70 or 0xc0:
                if (!instruction.UsesRegister && (uint)instruction.Immediate >= width)
                    return $"a shift by {instruction.Immediate}";
                goto default;
            case 0x80:
                return instruction.UsesRegister || instruction.Offset != 0 ? "no such operation" : WriteTo(instruction);
            case 0xb0:
                if (instruction.Offset is not 0 && !(instruction.UsesRegister && (instruction.Offset is 8 or 16 || (instruction.Offset == 32 && is64))))
                    return "no such move";
                break;
            case 0xd0:
                if (instruction.Immediate is not (16 or 32 or 64) || instruction.Offset != 0 || (is64 && instruction.UsesRegister))
                    return "no such byte swap";
                break;
            case 0xe0 or 0xf0:
                return "no such operation";
            default:
                if (instruction.Offset != 0)
                    return "no such operation";
                break;
        }
        return WriteTo(instruction);
    }

    private static string? Atomic(in Instruction instruction)
    {
        if (instruction.Opcode is not (Op.Atomic32 or Op.Atomic64))
            return "no such store";
        var fetches = (instruction.Immediate & 1) != 0;
        if ((instruction.Immediate & ~1) is not (0x00 or 0x40 or 0x50 or 0xa0) && instruction.Immediate is not (0xe1 or 0xf1))
            return "no such atomic operation";
        return fetches && instruction.Immediate != 0xf1 && instruction.Source == StackRegister ? "the frame pointer cannot be written" : null;
    }

    private static string? Jump(ref Instruction instruction, int index, Instruction[] code)
    {
        switch (instruction.Opcode)
        {
            case Op.Exit:
                return null;
            case Op.Call:
                return instruction.Source switch
                {
                    0 or 1 => null,
                    2 => "functions of the kernel (kfuncs) are not known",
                    _ => "no such call",
                };
            case Op.CallRegister:
                return "calls by register are not defined";
        }
        var kind = instruction.Opcode & 0xf0;
        if (kind is 0x80 or 0x90 or > 0xd0 || (kind == 0 && instruction.UsesRegister))
            return "no such jump";
        var distance = instruction.Opcode == Op.JumpAlways32 ? instruction.Immediate : instruction.Offset;
        var target = index + 1L + distance;
        if (target < 0 || target >= code.Length || (target > 0 && code[target - 1].Opcode == Op.WideImmediate))
            return "a jump out of the code";
        if (kind == 0)
            instruction.Value = (ulong)target;
        return null;
    }
}
