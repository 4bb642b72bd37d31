using System.Buffers.Binary;
using System.Runtime.CompilerServices;

namespace Cilium.Bpf.InProcess.Interpreter;

/// <summary>Operations that need more than one operator of C#. Both forms of execution use them, so that they cannot differ.</summary>
internal static class Arithmetic
{
    internal static ulong Divide(ulong a, ulong b) => b == 0 ? 0 : a / b;

    internal static ulong Modulo(ulong a, ulong b) => b == 0 ? a : a % b;

    internal static ulong DivideSigned(ulong a, ulong b) => b == 0 ? 0 : b == ulong.MaxValue ? 0 - a : (ulong)((long)a / (long)b);

    internal static ulong ModuloSigned(ulong a, ulong b) => b == 0 ? a : b == ulong.MaxValue ? 0 : (ulong)((long)a % (long)b);

    // These four are calls also in compiled programs. The just-in-time compiler of .NET 10, when it inlines them, may keep the truncated divisor in a
    // register and take the divisor itself back from there: its upper half is lost (InstructionTests.A_divisor_keeps_its_upper_half).
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ulong Divide32(ulong a, ulong b) => (uint)b == 0 ? 0 : (uint)a / (uint)b;

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ulong Modulo32(ulong a, ulong b) => (uint)b == 0 ? (uint)a : (uint)a % (uint)b;

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ulong DivideSigned32(ulong a, ulong b) => (uint)b == 0 ? 0 : (int)b == -1 ? (uint)(0 - (int)a) : (uint)((int)a / (int)b);

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static ulong ModuloSigned32(ulong a, ulong b) => (uint)b == 0 ? (uint)a : (int)b == -1 ? 0 : (uint)((int)a % (int)b);

    internal static ulong SwapToBig(ulong a, int bits) => bits switch
    {
        16 => BinaryPrimitives.ReverseEndianness((ushort)a),
        32 => BinaryPrimitives.ReverseEndianness((uint)a),
        _ => BinaryPrimitives.ReverseEndianness(a),
    };

    internal static ulong Truncate(ulong a, int bits) => bits switch { 16 => (ushort)a, 32 => (uint)a, _ => a };

    /// <summary>An atomic operation of 32 bits. Returns what the source register holds afterwards, or what register 0 does.</summary>
    internal static unsafe ulong Atomic32(byte* place, int operation, ulong source, ulong r0)
    {
        ref var value = ref Unsafe.AsRef<int>(place);
        switch (operation & 0xf0)
        {
            case 0x00: return (uint)(Interlocked.Add(ref value, (int)source) - (int)source);
            case 0x40: return (uint)Interlocked.Or(ref value, (int)source);
            case 0x50: return (uint)Interlocked.And(ref value, (int)source);
            case 0xa0:
                for (var old = Volatile.Read(ref value); ; old = Volatile.Read(ref value))
                {
                    if (Interlocked.CompareExchange(ref value, old ^ (int)source, old) == old)
                        return (uint)old;
                }
            case 0xe0: return (uint)Interlocked.Exchange(ref value, (int)source);
            default: return (uint)Interlocked.CompareExchange(ref value, (int)source, (int)r0);
        }
    }

    /// <summary>The same of 64 bits.</summary>
    internal static unsafe ulong Atomic64(byte* place, int operation, ulong source, ulong r0)
    {
        ref var value = ref Unsafe.AsRef<long>(place);
        switch (operation & 0xf0)
        {
            case 0x00: return (ulong)(Interlocked.Add(ref value, (long)source) - (long)source);
            case 0x40: return (ulong)Interlocked.Or(ref value, (long)source);
            case 0x50: return (ulong)Interlocked.And(ref value, (long)source);
            case 0xa0:
                for (var old = Volatile.Read(ref value); ; old = Volatile.Read(ref value))
                {
                    if (Interlocked.CompareExchange(ref value, old ^ (long)source, old) == old)
                        return (ulong)old;
                }
            case 0xe0: return (ulong)Interlocked.Exchange(ref value, (long)source);
            default: return (ulong)Interlocked.CompareExchange(ref value, (long)source, (long)r0);
        }
    }
}
