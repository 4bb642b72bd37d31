using Cilium.Bpf.InProcess.Instructions;
using Cilium.Bpf.InProcess.Interpreter;
using Cilium.Bpf.InProcess.Maps;
using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess.Compiler;

/// <summary>
/// Follows all ways through a program, calls included, and finds what is known of each register: addresses in frames and in the context,
/// and numbers that come from frozen constants. Ways that a constant rules out are not followed, as the kernel's verifier removes them.
/// </summary>
internal sealed class KnowledgeAnalysis
{
    internal const int Registers = 11;

    private readonly Function[] _functions;
    private readonly ulong _constants;
    private readonly byte[] _constantBytes;
    private readonly bool[] _varies;
    private readonly Queue<int> _changed = new();

    internal KnowledgeAnalysis(LoadedProgram program, ArrayStorage? constants, bool[] varies)
    {
        _functions = program.Functions;
        _constants = constants?.AddressOf(0) ?? 0;
        _constantBytes = constants?.FirstValue.ToArray() ?? [];
        _varies = varies;
        Before = new Known[_functions.Length][][];
        for (var i = 0; i < _functions.Length; i++)
            Before[i] = new Known[_functions[i].Code.Length][];
        Enter(0, Entry(new Known(KnownKind.Context)));
        for (var i = 0; i < _functions.Length; i++)
        {
            // What a helper may call back is entered with anything.
            if (_functions.Any(function => function.Code.Any(instruction => instruction.Opcode == Op.WideImmediate && instruction.Value == Address.Of(Address.Functions, (uint)i))))
                Enter(i, Entry(Known.Nothing));
        }
        while (_changed.TryDequeue(out var index))
            Follow(index);
    }

    /// <summary>By function and instruction: what is known before it, or null when no way leads there.</summary>
    internal Known[]?[][] Before { get; }

    /// <summary>How a conditional jump goes, or null when it depends.</summary>
    internal static bool? Decide(in Instruction i, Known[] known)
    {
        var left = known[i.Destination];
        var right = i.UsesRegister ? known[i.Source] : Known.Number(i.Value);
        if (left.Kind != KnownKind.Number || right.Kind != KnownKind.Number)
            return null;
        return i.Class == Op.Jump
            ? Interpretation.Holds(i.Opcode, (ulong)left.Value, (ulong)right.Value)
            : Interpretation.Holds32(i.Opcode, (uint)left.Value, (uint)right.Value);
    }

    private static Known[] Entry(Known first)
    {
        var known = new Known[Registers];
        known[1] = first;
        known[10] = new Known(KnownKind.Frame);
        return known;
    }

    private void Enter(int function, Known[] known)
    {
        if (Merge(ref Before[function][0]!, known))
            _changed.Enqueue(function);
    }

    private static bool Merge(ref Known[]? into, Known[] known)
    {
        if (into is null)
        {
            into = (Known[])known.Clone();
            return true;
        }
        var changed = false;
        for (var i = 0; i < Registers; i++)
        {
            var joined = Known.Join(into[i], known[i]);
            changed |= joined != into[i];
            into[i] = joined;
        }
        return changed;
    }

    private void Follow(int index)
    {
        var code = _functions[index].Code;
        var before = Before[index];
        var pending = new Stack<int>();
        pending.Push(0);
        while (pending.TryPop(out var pc))
        {
            var known = (Known[])before[pc]!.Clone();
            ref readonly var i = ref code[pc];
            Step(i, known);
            if (i.Opcode == Op.Exit)
                continue;
            if (i.Opcode is Op.JumpAlways or Op.JumpAlways32)
            {
                Go((int)i.Value, known);
                continue;
            }
            if (i.Class is Op.Jump or Op.Jump32 && i.Opcode != Op.Call)
            {
                var decided = Decide(i, known);
                if (decided != false)
                    Go(pc + 1 + i.Offset, known);
                if (decided != true)
                    Go(pc + 1, known);
                continue;
            }
            Go(pc + (i.Opcode == Op.WideImmediate ? 2 : 1), known);
        }

        void Go(int target, Known[] known)
        {
            if (Merge(ref before[target]!, known))
                pending.Push(target);
        }
    }

    private void Step(in Instruction i, Known[] known)
    {
        switch (i.Class)
        {
            case Op.Alu64 or Op.Alu32:
                known[i.Destination] = Arithmetic(i, known);
                break;
            case Op.Load:
                known[i.Destination] = Known.Number(i.Value);
                break;
            case Op.LoadRegister:
                known[i.Destination] = Load(i, known[i.Source]);
                break;
            case Op.StoreRegister when (i.Opcode & 0xe0) != Op.ModeMemory:
                if (i.Immediate == 0xf1)
                    known[0] = Known.Nothing;
                else if ((i.Immediate & 1) != 0)
                    known[i.Source] = Known.Nothing;
                break;
            case Op.Jump when i.Opcode == Op.Call:
                if (i.Source == 1)
                    Call((int)i.Value, known);
                known[0] = Known.Nothing;
                break;
        }
    }

    private void Call(int function, Known[] known)
    {
        var entry = Entry(Known.Nothing);
        for (var r = 1; r <= 5; r++)
            entry[r] = known[r].Kind == KnownKind.Frame ? known[r] with { Level = known[r].Level + 1 } : known[r];
        Enter(function, entry);
    }

    private static Known Arithmetic(in Instruction i, Known[] known)
    {
        var left = known[i.Destination];
        var right = i.UsesRegister ? known[i.Source] : Known.Number(i.Value);
        var operation = i.Opcode & 0xf0;
        var is64 = i.Class == Op.Alu64;
        if (operation == 0xb0 && is64 && i.Offset == 0)
            return right;
        var isUnary = operation is 0x80 or 0xb0 or 0xd0;
        if (right.Kind == KnownKind.Number && (isUnary && operation == 0xb0 || left.Kind == KnownKind.Number))
        {
            var (a, b) = ((ulong)left.Value, (ulong)right.Value);
            return Known.Number(is64 ? Interpretation.Alu64(i, a, b) : Interpretation.Alu32(i, a, b));
        }
        if (is64 && left.Kind is KnownKind.Frame or KnownKind.Context && right.Kind == KnownKind.Number && operation is 0x00 or 0x10 && is64)
            return left with { Value = operation == 0x00 ? left.Value + right.Value : left.Value - right.Value };
        return Known.Nothing;
    }

    private Known Load(in Instruction i, Known from)
    {
        if (from.Kind != KnownKind.Number || (i.Opcode & 0xe0) != Op.ModeMemory || _constantBytes.Length == 0)
            return Known.Nothing;
        var offset = (ulong)(from.Value + i.Offset) - _constants;
        var bytes = Op.Size(i.Opcode);
        if (offset > (ulong)(_constantBytes.Length - bytes) || _constantBytes.Length < bytes || _varies.AsSpan((int)offset, bytes).Contains(true))
            return Known.Nothing;
        var value = 0UL;
        for (var b = bytes - 1; b >= 0; b--)
            value = (value << 8) | _constantBytes[(int)offset + b];
        return Known.Number(value);
    }
}
