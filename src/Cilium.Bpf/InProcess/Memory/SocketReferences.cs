using Cilium.Bpf.InProcess.Contexts;

namespace Cilium.Bpf.InProcess.Memory;

/// <summary>
/// The sockets that a run has found and not released yet. The address of each is new, so that one that was released is never another one's.
/// </summary>
/// <param name="memory">Room for the fields of <see cref="Address.OpenSockets"/> sockets.</param>
/// <param name="regions">Of the machine.</param>
internal sealed unsafe class SocketReferences(byte* memory, Region* regions)
{
    /// <summary>Positions that a reference has for itself: its fields, and further up what can be read of a socket that may be none.</summary>
    private const uint Stride = 512;
    private const uint Common = 256;

    private readonly Slot[] _slots = new Slot[Address.OpenSockets];
    private uint _taken;

    internal int Count { get; private set; }

    /// <summary>Takes a reference. Returns its address, or zero when there are too many.</summary>
    /// <param name="socket">The socket.</param>
    /// <param name="isCommon">Whether the program has to ask (<c>bpf_sk_fullsock</c>) before it reads all fields.</param>
    /// <param name="program">Who takes it.</param>
    /// <param name="position">Where.</param>
    internal ulong Open(BpfSocket socket, bool isCommon, LoadedProgram program, long position)
    {
        for (var i = 0; i < _slots.Length; i++)
        {
            ref var slot = ref _slots[i];
            if (slot.Socket is not null)
                continue;
            var place = memory + (i * SocketFields.Bytes);
            SocketFields.Write(socket, new Span<byte>(place, SocketFields.Bytes));
            slot = new Slot(socket, ++_taken * Stride, program, position);
            Count++;
            regions[Address.Sockets + i] = Region.Piece(place, slot.Start, SocketFields.Bytes, writable: false);
            return Address.Of(Address.Sockets + (uint)i, slot.Start + (isCommon ? Common : 0));
        }
        return 0;
    }

    /// <summary>The socket that an address is of, or null.</summary>
    internal BpfSocket? At(ulong address) => SlotOf(address) is >= 0 and var slot && (uint)address - _slots[slot].Start is 0 or Common ? _slots[slot].Socket : null;

    /// <summary>The address of all fields of the same reference; see <see cref="At"/> before.</summary>
    internal static ulong FullOf(ulong address) => address & ~(ulong)Common;

    /// <summary>Lets go of a reference; false when the address is of none.</summary>
    internal bool Close(ulong address)
    {
        if (At(address) is null)
            return false;
        var slot = SlotOf(address);
        _slots[slot] = default;
        regions[Address.Sockets + slot] = default;
        Count--;
        return true;
    }

    /// <summary>Where bytes can be read of a socket that may be none, or null.</summary>
    internal byte* ReadCommon(ulong address, uint bytes)
    {
        var slot = SlotOf(address);
        if (slot < 0)
            return null;
        var offset = (uint)address - _slots[slot].Start - Common;
        return offset < SocketFields.Bytes && SocketFields.IsCommon(offset, bytes) ? memory + (slot * SocketFields.Bytes) + offset : null;
    }

    /// <summary>Who took a reference that is still held, and where.</summary>
    internal (LoadedProgram Program, long Position) FirstOpen()
    {
        var slot = Array.Find(_slots, slot => slot.Socket is not null);
        return (slot.Program!, slot.Position);
    }

    /// <summary>What an address means, for messages.</summary>
    internal string Describe(ulong address) => SlotOf(address) is >= 0 and var slot
        ? ((uint)address - _slots[slot].Start) is var offset && offset < Common ? $"byte {offset} of a socket" : $"byte {offset - Common} of a socket that may be a request"
        : "a socket that was released";

    internal void Clear()
    {
        for (var i = 0; Count > 0 && i < _slots.Length; i++)
        {
            if (_slots[i].Socket is null)
                continue;
            _slots[i] = default;
            regions[Address.Sockets + i] = default;
            Count--;
        }
        _taken = 0;
    }

    /// <summary>The reference that an address is in, or -1.</summary>
    private int SlotOf(ulong address)
    {
        var slot = (long)(address >> 32) - Address.Sockets;
        return slot >= 0 && slot < _slots.Length && _slots[slot].Socket is not null && (uint)address - _slots[slot].Start < Stride ? (int)slot : -1;
    }

    private readonly record struct Slot(BpfSocket? Socket, uint Start, LoadedProgram? Program, long Position);
}
