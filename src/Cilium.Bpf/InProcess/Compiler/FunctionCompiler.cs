using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Reflection.Emit;
using Cilium.Bpf.InProcess.Calls;
using Cilium.Bpf.InProcess.Instructions;
using Cilium.Bpf.InProcess.Interpreter;
using Cilium.Bpf.InProcess.Maps;
using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess.Compiler;

/// <summary>Emits one function. Registers are locals; what the analysis could not place is checked where it is used.</summary>
[RequiresDynamicCode("Makes methods at run time.")]
internal sealed class FunctionCompiler
{
    private static readonly FieldInfo s_position = Field(nameof(Machine.Position));
    private static readonly FieldInfo s_depth = Field(nameof(Machine.Depth));
    private static readonly FieldInfo s_tailTarget = Field(nameof(Machine.TailTarget));

    private readonly LoadedProgram _program;
    private readonly Function _function;
    private readonly int _index;
    private readonly DynamicMethod[] _methods;
    private readonly Known[]?[] _before;
    private readonly ILGenerator _il;
    private readonly LocalBuilder[] _registers = new LocalBuilder[10];
    private readonly Label[] _labels;
    private readonly bool[] _isTarget;
    private readonly MemoryEmitter _memory;
    private readonly LocalBuilder _framePointer;

    internal FunctionCompiler(LoadedProgram program, int index, DynamicMethod[] methods, Known[]?[] before)
    {
        _program = program;
        _function = program.Functions[index];
        _index = index;
        _methods = methods;
        _before = before;
        _il = methods[index].GetILGenerator(_function.Code.Length * 32);
        for (var r = 0; r < _registers.Length; r++)
            _registers[r] = _il.DeclareLocal(typeof(ulong));
        _framePointer = _il.DeclareLocal(typeof(ulong));
        _labels = new Label[_function.Code.Length];
        _isTarget = new bool[_function.Code.Length];
        for (var pc = 0; pc < _labels.Length; pc++)
            _labels[pc] = _il.DefineLabel();
        _memory = new MemoryEmitter(_il, program.Type, before);
    }

    internal void Emit()
    {
        var code = _function.Code;
        if (_before[0] is null)
        {
            // No way leads here; a method must still have a body.
            _il.EmitLong(0);
            _il.Emit(OpCodes.Ret);
            return;
        }
        FindTargets();
        for (var r = 1; r <= 5; r++)
        {
            _il.Emit(OpCodes.Ldarg, (short)r);
            _il.Emit(OpCodes.Stloc, _registers[r]);
        }
        _memory.EmitPrologue(_framePointer);
        Spend(0, code.Length);
        for (var pc = 0; pc < code.Length; pc++)
        {
            if (_before[pc] is not { } known)
                continue;
            if (_isTarget[pc])
                _il.MarkLabel(_labels[pc]);
            EmitOne(pc, code[pc], known);
        }
        _memory.EmitSlowPaths();
    }

    private static FieldInfo Field(string name) =>
        typeof(Machine).GetField(name, BindingFlags.Instance | BindingFlags.NonPublic | BindingFlags.Public)!;

    private void FindTargets()
    {
        for (var pc = 0; pc < _function.Code.Length; pc++)
        {
            ref readonly var i = ref _function.Code[pc];
            if (_before[pc] is null || i.Class is not (Op.Jump or Op.Jump32) || i.Opcode is Op.Exit or Op.Call)
                continue;
            _isTarget[i.Opcode is Op.JumpAlways or Op.JumpAlways32 ? (int)i.Value : pc + 1 + i.Offset] = true;
        }
    }

    private void EmitOne(int pc, in Instruction i, Known[] known)
    {
        switch (i.Class)
        {
            case Op.Alu64:
                ArithmeticEmitter.Emit64(this, i);
                break;
            case Op.Alu32:
                ArithmeticEmitter.Emit32(this, i);
                break;
            case Op.Load:
                _il.EmitLong((long)i.Value);
                Set(i.Destination);
                break;
            case Op.LoadRegister:
                if (KnownLoad(pc) is { } value)
                    _il.EmitLong(value);
                else
                    _memory.EmitLoad(i, known[i.Source], () => Get(_function.Code[pc].Source), At(pc));
                Set(i.Destination);
                break;
            case Op.Store:
                _memory.EmitStore(i, known[i.Destination], () => Get(_function.Code[pc].Destination), () => _il.EmitLong((long)_function.Code[pc].Value), At(pc));
                break;
            case Op.StoreRegister when (i.Opcode & 0xe0) == Op.ModeMemory:
                _memory.EmitStore(i, known[i.Destination], () => Get(_function.Code[pc].Destination), () => Get(_function.Code[pc].Source), At(pc));
                break;
            case Op.StoreRegister:
                EmitAtomic(pc, i);
                break;
            default:
                EmitJump(pc, i, known);
                break;
        }
    }

    /// <summary>The number that a load yields when it is one from a constant that all ways agree on.</summary>
    private long? KnownLoad(int pc)
    {
        ref readonly var i = ref _function.Code[pc];
        if (_before[pc]![i.Source].Kind != KnownKind.Number || pc + 1 >= _before.Length || _isTarget[pc + 1] || _before[pc + 1] is not { } after)
            return null;
        return after[i.Destination].Kind == KnownKind.Number ? after[i.Destination].Value : null;
    }

    private long At(int pc) => ((long)_index << 32) | (uint)pc;

    internal ILGenerator Il => _il;

    /// <summary>Puts a register on the stack.</summary>
    internal void Get(int register) => _il.Emit(OpCodes.Ldloc, register == 10 ? _framePointer : _registers[register]);

    /// <summary>Takes a register from the stack.</summary>
    internal void Set(int register) => _il.Emit(OpCodes.Stloc, _registers[register]);

    /// <summary>Puts the right side of an operation on the stack: a register, or the extended immediate.</summary>
    internal void Operand(in Instruction i)
    {
        if (i.UsesRegister)
            Get(i.Source);
        else
            _il.EmitLong((long)i.Value);
    }

    private void Spend(int pc, int instructions)
    {
        SetPosition(pc);
        _il.Emit(OpCodes.Ldarg_0);
        _il.EmitLong(instructions);
        _il.Emit(OpCodes.Call, typeof(Machine).GetMethod(nameof(Machine.Spend), BindingFlags.Instance | BindingFlags.NonPublic)!);
    }

    private void SetPosition(int pc)
    {
        _il.Emit(OpCodes.Ldarg_0);
        _il.EmitLong(At(pc));
        _il.Emit(OpCodes.Stfld, s_position);
    }

    private void EmitJump(int pc, in Instruction i, Known[] known)
    {
        switch (i.Opcode)
        {
            case Op.Exit:
                Get(0);
                _il.Emit(OpCodes.Ret);
                return;
            case Op.Call when i.Source == 0:
                EmitHelper(pc, i.Immediate, known);
                return;
            case Op.Call:
                EmitCall(pc, (int)i.Value);
                return;
            case Op.JumpAlways or Op.JumpAlways32:
                if ((int)i.Value <= pc)
                    Spend(pc, pc + 1 - (int)i.Value);
                _il.Emit(OpCodes.Br, _labels[(int)i.Value]);
                return;
        }
        var target = pc + 1 + i.Offset;
        var decided = KnowledgeAnalysis.Decide(i, known);
        if (decided == false)
            return;
        if (target > pc)
        {
            if (decided == true)
                _il.Emit(OpCodes.Br, _labels[target]);
            else
                JumpEmitter.Emit(this, i, _labels[target]);
            return;
        }
        var taken = _il.DefineLabel();
        var passed = _il.DefineLabel();
        if (decided != true)
        {
            JumpEmitter.Emit(this, i, taken);
            _il.Emit(OpCodes.Br, passed);
        }
        _il.MarkLabel(taken);
        Spend(pc, pc + 1 - target);
        _il.Emit(OpCodes.Br, _labels[target]);
        _il.MarkLabel(passed);
    }

    private void EmitHelper(int pc, int number, Known[] known)
    {
        SetPosition(pc);
        if (number == CallTable.MapLookup && known[1].Kind == KnownKind.Number && _program.MapOrNull((ulong)known[1].Value) is { } map
            && _memory.TryEmitFramePlace(known[2], map.KeyBytes))
        {
            // Map and key are known places: no handle to look up, no address to check.
            EmitLookup(map);
            return;
        }
        _il.Emit(OpCodes.Ldarg_0);
        for (var r = 1; r <= 5; r++)
            Get(r);
        _il.Emit(OpCodes.Call, CallTable.Call(number).Method);
        Set(0);
        if (number != CallTable.TailCall)
            return;
        var stays = _il.DefineLabel();
        _il.Emit(OpCodes.Ldarg_0);
        _il.Emit(OpCodes.Ldfld, s_tailTarget);
        _il.Emit(OpCodes.Brfalse, stays);
        _il.Emit(OpCodes.Ldarg_0);
        _il.Emit(OpCodes.Call, typeof(Machine).GetMethod(nameof(Machine.EnterTail), BindingFlags.Instance | BindingFlags.NonPublic)!);
        _il.Emit(OpCodes.Ret);
        _il.MarkLabel(stays);
    }

    /// <summary>Looks up in a map that is known, the place of the key being on the stack.</summary>
    private void EmitLookup(MapStorage map)
    {
        var key = _il.DeclareLocal(typeof(nint));
        _il.Emit(OpCodes.Stloc, key);
        if (map is ArrayStorage { IsPlain: true } array)
        {
            var absent = _il.DefineLabel();
            var done = _il.DefineLabel();
            _il.Emit(OpCodes.Ldloc, key);
            _il.Emit(OpCodes.Ldind_U4);
            _il.Emit(OpCodes.Ldc_I4, (int)array.Shape.MaxEntries);
            _il.Emit(OpCodes.Bge_Un, absent);
            _il.Emit(OpCodes.Ldloc, key);
            _il.Emit(OpCodes.Ldind_U4);
            _il.Emit(OpCodes.Ldc_I4, array.StrideShift);
            _il.Emit(OpCodes.Shl);
            _il.Emit(OpCodes.Conv_U8);
            _il.EmitLong((long)array.AddressOf(0));
            _il.Emit(OpCodes.Add);
            if (array.Cpus > 1)
            {
                _il.Emit(OpCodes.Ldarg_0);
                _il.Emit(OpCodes.Ldfld, Field(nameof(Machine.CpuAddress)));
                _il.Emit(OpCodes.Add);
            }
            Set(0);
            _il.Emit(OpCodes.Br, done);
            _il.MarkLabel(absent);
            _il.EmitLong(0);
            Set(0);
            _il.MarkLabel(done);
            return;
        }
        _il.Emit(OpCodes.Ldarg_0);
        _il.Emit(OpCodes.Ldfld, Field(nameof(Machine.Program)));
        _il.Emit(OpCodes.Ldfld, typeof(LoadedProgram).GetField(nameof(LoadedProgram.Maps), BindingFlags.Instance | BindingFlags.NonPublic)!);
        _il.Emit(OpCodes.Ldc_I4, Array.IndexOf(_program.Maps, map));
        _il.Emit(OpCodes.Ldelem_Ref);
        _il.Emit(OpCodes.Ldloc, key);
        _il.Emit(OpCodes.Ldarg_0);
        _il.Emit(OpCodes.Ldfld, Field(nameof(Machine.Cpu)));
        _il.Emit(OpCodes.Callvirt, typeof(MapStorage).GetMethod(nameof(MapStorage.Find), BindingFlags.Instance | BindingFlags.NonPublic)!);
        Set(0);
    }

    private void EmitCall(int pc, int function)
    {
        SetPosition(pc);
        _il.Emit(OpCodes.Ldarg_0);
        _il.Emit(OpCodes.Call, typeof(Machine).GetMethod(nameof(Machine.EnterFrame), BindingFlags.Instance | BindingFlags.NonPublic)!);
        _il.Emit(OpCodes.Ldarg_0);
        for (var r = 1; r <= 5; r++)
            Get(r);
        _il.Emit(OpCodes.Call, _methods[function]);
        Set(0);
        _il.Emit(OpCodes.Ldarg_0);
        _il.Emit(OpCodes.Ldarg_0);
        _il.Emit(OpCodes.Ldfld, s_depth);
        _il.Emit(OpCodes.Ldc_I4_1);
        _il.Emit(OpCodes.Sub);
        _il.Emit(OpCodes.Stfld, s_depth);
    }

    private void EmitAtomic(int pc, in Instruction i)
    {
        var is64 = i.Opcode == Op.Atomic64;
        var destination = i.Destination;
        _memory.EmitAddress(i, Known.Nothing, () => Get(destination), At(pc), isWrite: true, aligned: is64 ? 8 : 4);
        _il.Emit(OpCodes.Ldc_I4, i.Immediate);
        Get(i.Source);
        Get(0);
        var name = is64 ? nameof(Arithmetic.Atomic64) : nameof(Arithmetic.Atomic32);
        _il.Emit(OpCodes.Call, typeof(Arithmetic).GetMethod(name, BindingFlags.Static | BindingFlags.NonPublic)!);
        if (i.Immediate == 0xf1)
            Set(0);
        else if ((i.Immediate & 1) != 0)
            Set(i.Source);
        else
            _il.Emit(OpCodes.Pop);
    }
}
