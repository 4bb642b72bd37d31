using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.ConstrainedExecution;
using System.Runtime.InteropServices;
using Cilium.Bpf.InProcess.Contexts;
using Cilium.Bpf.InProcess.Maps;

namespace Cilium.Bpf.InProcess.Memory;

/// <summary>
/// A virtual CPU: the stack, the regions of the run that is going on, and what a program reaches beyond its registers. It is one
/// thread's between <see cref="InProcessEngine.Enter"/> and <see cref="InProcessEngine.Leave"/>.
/// </summary>
internal sealed unsafe class Machine : CriticalFinalizerObject
{
    private readonly byte* _stack;
    private readonly nint[] _records = new nint[Address.OpenRecords];
    private int _open;
    private readonly RingStorage?[] _rings = new RingStorage?[Address.OpenRecords];
    private readonly ulong[] _groups = new ulong[Address.OpenGroups];
    private int _openGroups;

    internal Machine(InProcessEngine engine, int cpu)
    {
        Engine = engine;
        Cpu = cpu;
        CpuAddress = Address.Of((uint)cpu, 0);
        Regions = engine.Regions.Of(cpu);
        _stack = (byte*)NativeMemory.AllocZeroed((Address.Frames * Address.FrameBytes) + (Address.OpenSockets * SocketFields.Bytes));
        for (var i = 0; i < Address.Frames; i++)
            Regions[Address.Stack + i] = Region.Piece(_stack + (i * Address.FrameBytes), 0, Address.FrameBytes, writable: true);
        Sockets = new SocketReferences(_stack + (Address.Frames * Address.FrameBytes), Regions);
    }

    // Critical, so that it comes after the finalizers of the maps that still write here.
    ~Machine()
    {
        NativeMemory.Free(_stack);
    }

    internal readonly InProcessEngine Engine;
    internal readonly int Cpu;

    /// <summary>What is added to the address of CPU 0's value to find that of this one.</summary>
    internal readonly ulong CpuAddress;

    /// <summary>All regions: the first are this machine's own.</summary>
    internal readonly Region* Regions;

    /// <summary>The moment when the run began, or zero: see <see cref="Retirement"/>.</summary>
    internal long Epoch;

    /// <summary>Sockets that the run has found.</summary>
    internal readonly SocketReferences Sockets;

    internal LoadedProgram Program = null!;
    internal BpfContext Context = null!;

    /// <summary>Who watches the run; then it is interpreted.</summary>
    internal IBpfObserver? Observer;

    /// <summary>The context when it is a packet.</summary>
    internal BpfPacket? Packet;

    /// <summary>The context when it is a socket's address.</summary>
    internal BpfSocketAddress? SocketAddress;

    /// <summary>Whom the run asks for sockets; null when there are none.</summary>
    internal IBpfSockets? LookedUp => Packet is null ? SocketAddress?.Sockets : Packet.Sockets;

    internal long Budget;
    internal int Depth;
    internal int TailCalls;

    /// <summary>The program that a tail call leads to, until it is entered.</summary>
    internal LoadedProgram? TailTarget;

    /// <summary>Where the program is: its function in the upper half, the instruction in the lower.</summary>
    internal long Position;

    internal byte* Frame(int depth) => _stack + (depth * Address.FrameBytes);

    /// <summary>The end of the current frame, where register 10 points.</summary>
    internal byte* FrameTop() => _stack + ((Depth + 1) * Address.FrameBytes);

    /// <summary>What register 10 holds in the current frame.</summary>
    internal ulong FrameAddress() => Address.Of(Address.Stack + (uint)Depth, Address.FrameBytes);

    /// <summary>Runs the program that a tail call named, in the frame of the one that called.</summary>
    internal ulong EnterTail()
    {
        var target = TailTarget!;
        TailTarget = null;
        return target.Invoke(this, Address.Of(Address.Context, 0));
    }

    /// <summary>Faults when a place is not aligned to bytes.</summary>
    internal void Align(nint place, int bytes, int register, long position)
    {
        if ((place & (bytes - 1)) == 0)
            return;
        Position = position;
        Fault(register, "an atomic operation on an address that is not aligned");
    }

    /// <summary>Prepares a run. Returns what register 1 holds.</summary>
    internal ulong Begin(LoadedProgram program, BpfContext context)
    {
        Program = program;
        Context = context;
        Budget = Engine.InstructionBudget;
        Depth = 0;
        TailCalls = 0;
        TailTarget = null;
        context.Begin(program.Type);
        Packet = context as BpfPacket;
        SocketAddress = context as BpfSocketAddress;
        Regions[Address.Context] = Region.Piece(context.StructurePointer(program.Type), 0, (uint)context.Structure(program.Type).Length, writable: false);
        Regions[Address.Packet] = Packet is null ? default : Packet.Region();
        Regions[Address.Socket] = SocketAddress is null ? default : SocketAddress.SocketRegion();
        return Address.Of(Address.Context, 0);
    }

    /// <summary>Ends a run: records that were never submitted are discarded.</summary>
    internal void End()
    {
        for (var i = 0; _open > 0 && i < _records.Length; i++)
        {
            if (_records[i] != 0)
                CloseRecord(Address.Of(Address.Records + (uint)i, 0), 0, discard: true);
        }
        if (_openGroups > 0)
        {
            _groups.AsSpan().Clear();
            _openGroups = 0;
        }
        Sockets.Clear();
        Observer = null;
        Context = null!;
        Packet = null;
        SocketAddress = null;
    }

    /// <summary>Faults when the run holds a socket, at the instruction that took it.</summary>
    internal void CheckReleased()
    {
        if (Sockets.Count == 0)
            return;
        (Program, Position) = Sockets.FirstOpen();
        Fault(-1, "a socket is never released that was taken");
    }

    /// <summary>The device that the packet came by, or leaves by; zero for what is no packet.</summary>
    internal uint ReceivedBy() => Packet is null ? 0 : Program.Type == ProgramType.Xdp ? Packet.IngressIfindex : Packet.Ifindex;

    /// <summary>Takes instructions off the budget.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Spend(long instructions)
    {
        if ((Budget -= instructions) < 0)
            Fault(-1, $"more than {Engine.InstructionBudget} instructions");
    }

    /// <summary>Goes one frame deeper; the caller comes back by itself.</summary>
    internal void EnterFrame()
    {
        if (++Depth < Address.Frames)
            return;
        Depth--;
        Fault(-1, $"calls nested deeper than {Address.Frames}");
    }

    /// <summary>The packet has moved or changed its size.</summary>
    internal void PacketChanged() => Regions[Address.Packet] = Packet!.Region();

    /// <summary>Where bytes can be read.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Read(ulong address, uint bytes, int register)
    {
        var entry = (Region*)((byte*)Regions + ((address >> RegionTable.Shift) & RegionTable.Mask));
        var offset = (uint)address - entry->Start;
        if ((ulong)offset + bytes <= entry->Length && (offset & entry->Mask) + (ulong)bytes <= entry->Limit)
            return entry->Base + offset;
        return ReadCommonSocket(address, bytes, register);
    }

    /// <summary>Where bytes can be written.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Write(ulong address, uint bytes, int register)
    {
        var entry = (Region*)((byte*)Regions + ((address >> RegionTable.Shift) & RegionTable.Mask));
        var offset = (uint)address - entry->Start;
        if ((ulong)offset + bytes <= entry->WriteLength && (offset & entry->Mask) + (ulong)bytes <= entry->Limit)
            return entry->Base + offset;
        return WriteContext(address, bytes, register);
    }

    /// <summary>The map behind a handle.</summary>
    internal MapStorage Map(ulong handle, int register)
    {
        if (handle >> 32 == Address.Maps && Engine.Maps[(uint)handle] is { } map)
            return map;
        Fault(register, "no map");
        return null;
    }

    /// <summary>Opens a record of a ring buffer. Returns its address, or zero when too many are open.</summary>
    internal ulong OpenRecord(RingStorage ring, byte* header, uint bytes)
    {
        for (var i = 0; i < _records.Length; i++)
        {
            if (_records[i] != 0)
                continue;
            _records[i] = (nint)header;
            _open++;
            _rings[i] = ring;
            Regions[Address.Records + i] = Region.Piece(header + RingStorage.HeaderBytes, 0, bytes, writable: true);
            return Address.Of(Address.Records + (uint)i, 0);
        }
        ring.Commit(header, 0, discard: true);
        return 0;
    }

    /// <summary>A handle of a control group for the program, or zero when it holds too many.</summary>
    internal ulong OpenGroup(ulong id)
    {
        var free = Array.IndexOf(_groups, 0UL);
        if (free < 0)
            return 0;
        _groups[free] = id;
        _openGroups++;
        return Address.Of(Address.Groups, (uint)free);
    }

    /// <summary>The control group that a handle means.</summary>
    internal ulong GroupOf(ulong handle, int register)
    {
        if (handle >> 32 == Address.Groups && (uint)handle < (uint)_groups.Length && _groups[(uint)handle] is var id and not 0)
            return id;
        Fault(register, "not a control group");
        return 0;
    }

    internal void CloseGroup(ulong handle, int register)
    {
        _ = GroupOf(handle, register);
        _groups[(uint)handle] = 0;
        _openGroups--;
    }

    internal void CloseRecord(ulong address, ulong flags, bool discard)
    {
        var index = (address >> 32) - Address.Records;
        if (index >= (ulong)_records.Length || (uint)address != 0 || _records[index] == 0)
            Fault(1, "not a record that was reserved");
        var ring = _rings[index]!;
        var header = (byte*)_records[index];
        _records[index] = 0;
        _open--;
        _rings[index] = null;
        Regions[Address.Records + index] = default;
        ring.Commit(header, flags, discard);
    }

    [DoesNotReturn]
    internal void Fault(int register, string reason)
    {
        var function = Program.Functions[(int)(Position >> 32)];
        var instruction = (int)Position;
        throw new BpfFaultException(Program.Name, function.Name, instruction, register, reason, function.LineOf(instruction)?.ToString());
    }

    [DoesNotReturn]
    private void BadAddress(ulong address, uint bytes, int register, string what) =>
        Fault(register, $"{what} of {bytes} bytes at {Describe(address)}");

    /// <summary>What compiled code does when an address is not plainly readable: <see cref="Read"/> tells why.</summary>
    internal byte* SlowRead(ulong address, uint bytes, int register, long position)
    {
        Position = position;
        return Read(address, bytes, register);
    }

    /// <summary>The same for writing; some bytes of the context can be written.</summary>
    internal byte* SlowWrite(ulong address, uint bytes, int register, long position)
    {
        Position = position;
        return Write(address, bytes, register);
    }

    private byte* ReadCommonSocket(ulong address, uint bytes, int register)
    {
        var place = Sockets.ReadCommon(address, bytes);
        if (place == null)
            BadAddress(address, bytes, register, "read");
        return place;
    }

    private byte* WriteContext(ulong address, uint bytes, int register)
    {
        if (address >> 32 == Address.Context && Context.IsWritable(Program.Type, (uint)address, bytes))
            return Regions[Address.Context].Base + (uint)address;
        BadAddress(address, bytes, register, "write");
        return null;
    }

    private string Describe(ulong address)
    {
        var (region, position) = (Address.RegionOf(address), (uint)address);
        return region switch
        {
            Address.Packet when Packet is not null && position >= Address.PacketStart - 512 =>
                $"byte {(long)position - Packet.DataAddress} of a packet of {Packet.Length}",
            Address.Packet => address == 0 ? "null" : $"0x{address:x}, which is no address",
            Address.Maps => "a map",
            Address.Functions => "a function",
            Address.Context => $"byte {position} of the context",
            Address.Socket when SocketAddress is not null => $"byte {position} of the socket",
            Address.Groups => "a control group",
            >= Address.Sockets and < Address.Sockets + Address.OpenSockets => Sockets.Describe(address),
            >= Address.Stack and < Address.Stack + Address.Frames => $"byte {(int)position - Address.FrameBytes} of a frame",
            >= Address.Records and < Address.Records + Address.OpenRecords => $"byte {position} of a record",
            < RegionTable.Capacity when Regions[region] is { Length: > 0 } entry =>
                entry.Mask == 0 ? $"byte {position} of a value" : $"byte {position & entry.Mask} of a value of {entry.Limit} bytes",
            _ => $"0x{address:x}, which is no address",
        };
    }
}
