using System.Diagnostics.CodeAnalysis;
using System.Reflection;
using System.Reflection.Emit;
using Cilium.Bpf.InProcess.Contexts;
using Cilium.Bpf.InProcess.Instructions;
using Cilium.Bpf.InProcess.Memory;

namespace Cilium.Bpf.InProcess.Compiler;

/// <summary>
/// Emits loads and stores. What lies at a known place of a frame or of the context is touched directly; any other address is looked up
/// in the table of regions and compared with its bounds, and what does not fit goes a slow way that explains the fault.
/// </summary>
[RequiresDynamicCode("Makes methods at run time.")]
internal sealed class MemoryEmitter
{
    private const int BaseField = 0;
    private const int StartField = 8;
    private const int LengthField = 12;
    private const int WriteLengthField = 16;
    private const int MaskField = 20;
    private const int LimitField = 24;

    private readonly ILGenerator _il;
    private readonly ProgramType _type;
    private readonly LocalBuilder _regions;
    private readonly LocalBuilder _top;
    private readonly LocalBuilder _context;
    private readonly LocalBuilder _address;
    private readonly LocalBuilder _entry;
    private readonly LocalBuilder _offset;
    private readonly LocalBuilder _place;
    private readonly int _frameBytes;
    private readonly List<SlowPath> _slow = [];

    internal MemoryEmitter(ILGenerator il, ProgramType type, Known[]?[] before)
    {
        _il = il;
        _type = type;
        _regions = il.DeclareLocal(typeof(nint));
        _top = il.DeclareLocal(typeof(nint));
        _context = il.DeclareLocal(typeof(nint));
        _address = il.DeclareLocal(typeof(ulong));
        _entry = il.DeclareLocal(typeof(nint));
        _offset = il.DeclareLocal(typeof(uint));
        _place = il.DeclareLocal(typeof(nint));
        _frameBytes = FrameBytes(before);
    }

    private readonly record struct SlowPath(Label Entry, Label Back, int Bytes, int Register, long Position, bool IsWrite);

    /// <summary>Sets up what accesses need, and clears the frame.</summary>
    internal void EmitPrologue(LocalBuilder framePointer)
    {
        _il.Emit(OpCodes.Ldarg_0);
        _il.Emit(OpCodes.Ldfld, typeof(Machine).GetField(nameof(Machine.Regions), BindingFlags.Instance | BindingFlags.NonPublic)!);
        _il.Emit(OpCodes.Stloc, _regions);
        _il.Emit(OpCodes.Ldarg_0);
        _il.Emit(OpCodes.Call, Method(nameof(Machine.FrameTop)));
        _il.Emit(OpCodes.Stloc, _top);
        _il.Emit(OpCodes.Ldarg_0);
        _il.Emit(OpCodes.Call, Method(nameof(Machine.FrameAddress)));
        _il.Emit(OpCodes.Stloc, framePointer);
        _il.Emit(OpCodes.Ldloc, _regions);
        _il.Emit(OpCodes.Ldc_I4, (int)Address.Context * Region.Bytes);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Ldind_I);
        _il.Emit(OpCodes.Stloc, _context);
        if (_frameBytes == 0)
            return;
        _il.Emit(OpCodes.Ldloc, _top);
        _il.Emit(OpCodes.Ldc_I4, _frameBytes);
        _il.Emit(OpCodes.Sub);
        _il.Emit(OpCodes.Ldc_I4_0);
        _il.Emit(OpCodes.Ldc_I4, _frameBytes);
        _il.Emit(OpCodes.Initblk);
    }

    internal void EmitLoad(in Instruction i, Known from, Action get, long position)
    {
        EmitAddress(i, from, get, position, isWrite: false);
        _il.Emit(OpCodes.Unaligned, (byte)1);
        switch (i.Opcode)
        {
            case 0x71: _il.Emit(OpCodes.Ldind_U1); _il.Emit(OpCodes.Conv_U8); break;
            case 0x69: _il.Emit(OpCodes.Ldind_U2); _il.Emit(OpCodes.Conv_U8); break;
            case 0x61: _il.Emit(OpCodes.Ldind_U4); _il.Emit(OpCodes.Conv_U8); break;
            case 0x79: _il.Emit(OpCodes.Ldind_I8); break;
            case 0x91: _il.Emit(OpCodes.Ldind_I1); _il.Emit(OpCodes.Conv_I8); break;
            case 0x89: _il.Emit(OpCodes.Ldind_I2); _il.Emit(OpCodes.Conv_I8); break;
            default: _il.Emit(OpCodes.Ldind_I4); _il.Emit(OpCodes.Conv_I8); break;
        }
    }

    internal void EmitStore(in Instruction i, Known to, Action get, Action value, long position)
    {
        EmitAddress(i, to, get, position, isWrite: true);
        value();
        _il.Emit(OpCodes.Unaligned, (byte)1);
        _il.Emit(Op.Size(i.Opcode) switch { 1 => OpCodes.Stind_I1, 2 => OpCodes.Stind_I2, 4 => OpCodes.Stind_I4, _ => OpCodes.Stind_I8 });
    }

    /// <summary>Puts the checked place on the stack. <paramref name="aligned"/>: what else faults.</summary>
    internal void EmitAddress(in Instruction i, Known known, Action get, long position, bool isWrite, int aligned = 1)
    {
        var bytes = Op.Size(i.Opcode);
        var offset = known.Value + i.Offset;
        if (known.Kind == KnownKind.Frame && offset >= -Address.FrameBytes && offset + bytes <= 0)
        {
            Direct(_top, (int)offset - (known.Level * Address.FrameBytes));
            return;
        }
        if (known.Kind == KnownKind.Context && offset >= 0 && (isWrite ? IsWritable((uint)offset, (uint)bytes) : offset + bytes <= ContextBytes))
        {
            Direct(_context, (int)offset);
            return;
        }
        var slow = new SlowPath(_il.DefineLabel(), _il.DefineLabel(), bytes, isWrite ? i.Destination : i.Source, position, isWrite);
        _slow.Add(slow);
        get();
        if (i.Offset != 0)
        {
            _il.EmitLong((long)i.Offset);
            _il.Emit(OpCodes.Add);
        }
        _il.Emit(OpCodes.Stloc, _address);
        Check(bytes, isWrite, slow.Entry);
        _il.MarkLabel(slow.Back);
        if (aligned > 1)
        {
            _il.Emit(OpCodes.Ldarg_0);
            _il.Emit(OpCodes.Ldloc, _place);
            _il.Emit(OpCodes.Ldc_I4, aligned);
            _il.Emit(OpCodes.Ldc_I4, slow.Register);
            _il.EmitLong(position);
            _il.Emit(OpCodes.Call, Method(nameof(Machine.Align)));
        }
        _il.Emit(OpCodes.Ldloc, _place);
    }

    /// <summary>Puts the place that a register points to on the stack when it is known to be so many bytes of a frame.</summary>
    internal bool TryEmitFramePlace(Known known, int bytes)
    {
        if (known.Kind != KnownKind.Frame || known.Value < -Address.FrameBytes || known.Value + bytes > 0)
            return false;
        Direct(_top, (int)known.Value - (known.Level * Address.FrameBytes));
        return true;
    }

    /// <summary>The ways out of line, behind the function's code.</summary>
    internal void EmitSlowPaths()
    {
        foreach (var slow in _slow)
        {
            _il.MarkLabel(slow.Entry);
            _il.Emit(OpCodes.Ldarg_0);
            _il.Emit(OpCodes.Ldloc, _address);
            _il.Emit(OpCodes.Ldc_I4, slow.Bytes);
            _il.Emit(OpCodes.Ldc_I4, slow.Register);
            _il.EmitLong(slow.Position);
            _il.Emit(OpCodes.Call, Method(slow.IsWrite ? nameof(Machine.SlowWrite) : nameof(Machine.SlowRead)));
            _il.Emit(OpCodes.Stloc, _place);
            _il.Emit(OpCodes.Br, slow.Back);
        }
    }

    private static MethodInfo Method(string name) => typeof(Machine).GetMethod(name, BindingFlags.Instance | BindingFlags.NonPublic)!;

    /// <summary>Bytes of the frame that the function can reach from its frame pointer.</summary>
    private static int FrameBytes(Known[]?[] before)
    {
        var lowest = 0L;
        foreach (var known in before)
        {
            for (var r = 0; known is not null && r < 10; r++)
            {
                if (known[r] is { Kind: KnownKind.Frame, Level: 0 })
                    lowest = Math.Min(lowest, known[r].Value);
            }
        }
        return (int)Math.Clamp((-lowest + 15) & ~15L, 0, Address.FrameBytes);
    }

    private int ContextBytes => _type switch
    {
        ProgramType.SchedCls => SkbFields.Bytes,
        ProgramType.Xdp => SkbFields.XdpBytes,
        _ => BpfSocketAddress.StructureBytes,
    };

    private bool IsWritable(uint offset, uint bytes) => _type switch
    {
        ProgramType.SchedCls => SkbFields.IsWritable(offset, bytes),
        ProgramType.CgroupSockAddr => BpfSocketAddress.IsWritable(offset, bytes),
        _ => false,
    };

    private void Direct(LocalBuilder pointer, int offset)
    {
        _il.Emit(OpCodes.Ldloc, pointer);
        if (offset == 0)
            return;
        _il.Emit(OpCodes.Ldc_I4, offset);
        _il.Emit(OpCodes.Add);
    }

    private void Check(int bytes, bool isWrite, Label slow)
    {
        _il.Emit(OpCodes.Ldloc, _regions);
        _il.Emit(OpCodes.Ldloc, _address);
        _il.Emit(OpCodes.Ldc_I4, RegionTable.Shift);
        _il.Emit(OpCodes.Shr_Un);
        _il.EmitLong((long)RegionTable.Mask);
        _il.Emit(OpCodes.And);
        _il.Emit(OpCodes.Conv_U);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Stloc, _entry);

        _il.Emit(OpCodes.Ldloc, _address);
        _il.Emit(OpCodes.Conv_U4);
        Field(StartField);
        _il.Emit(OpCodes.Sub);
        _il.Emit(OpCodes.Stloc, _offset);

        _il.Emit(OpCodes.Ldloc, _offset);
        _il.Emit(OpCodes.Conv_U8);
        _il.EmitLong((long)bytes);
        _il.Emit(OpCodes.Add);
        Field(isWrite ? WriteLengthField : LengthField);
        _il.Emit(OpCodes.Conv_U8);
        _il.Emit(OpCodes.Bgt_Un, slow);

        _il.Emit(OpCodes.Ldloc, _offset);
        Field(MaskField);
        _il.Emit(OpCodes.And);
        _il.Emit(OpCodes.Conv_U8);
        _il.EmitLong((long)bytes);
        _il.Emit(OpCodes.Add);
        Field(LimitField);
        _il.Emit(OpCodes.Conv_U8);
        _il.Emit(OpCodes.Bgt_Un, slow);

        _il.Emit(OpCodes.Ldloc, _entry);
        _il.Emit(OpCodes.Ldc_I4, BaseField);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Ldind_I);
        _il.Emit(OpCodes.Ldloc, _offset);
        _il.Emit(OpCodes.Conv_U);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Stloc, _place);

        void Field(int offset)
        {
            _il.Emit(OpCodes.Ldloc, _entry);
            _il.Emit(OpCodes.Ldc_I4, offset);
            _il.Emit(OpCodes.Add);
            _il.Emit(OpCodes.Ldind_U4);
        }
    }
}
