using System.Numerics;
using System.Runtime.CompilerServices;
using Cilium.Bpf.Native;
using Record = Cilium.Bpf.InProcess.Maps.RecordPool.Record;

namespace Cilium.Bpf.InProcess.Maps;

/// <summary>
/// A longest-prefix-match map: one table of masked keys, asked for each length in use from the longest down. A record keeps the key as
/// it was given, too, since that is what a walk returns.
/// </summary>
internal sealed unsafe class LpmStorage : RecordStorage
{
    internal const int LengthBytes = 4;

    private readonly int _maximum;
    private readonly int[] _perLength;
    private readonly ulong[] _lengths;

    internal LpmStorage(InProcessEngine engine, string name, MapShape shape)
        : base(engine, name, shape, PaddedBytes(shape) + shape.KeyBytes)
    {
        _maximum = (KeyBytes - LengthBytes) * 8;
        _perLength = new int[_maximum + 1];
        _lengths = new ulong[(_maximum / 64) + 1];
    }

    private static int PaddedBytes(MapShape shape) => (shape.KeyBytes + 7) & ~7;

    internal override ulong Find(byte* key, int cpu)
    {
        var record = Match(key);
        return record == null ? 0 : record->Value;
    }

    internal override int Update(byte* key, byte* value, ulong flags, int cpu)
    {
        var length = Unsafe.ReadUnaligned<uint>(key);
        if (flags > (ulong)MapUpdate.ReplaceOnly || length > _maximum)
            return -Errno.Invalid;
        var masked = stackalloc byte[KeyBytes];
        CopyMasked(key, masked, length);
        var hash = Table.Hash(masked);
        lock (Records)
        {
            var old = Table.Find(masked, hash);
            if (old != null && flags == (ulong)MapUpdate.CreateOnly)
                return -Errno.Exists;
            if (old == null && flags == (ulong)MapUpdate.ReplaceOnly)
                return -Errno.NoEntry;
            if (old == null && Table.Count >= Shape.MaxEntries)
                return -Errno.NoSpace;
            var record = Records.Take();
            Buffer.MemoryCopy(masked, RecordPool.KeyOf(record), KeyBytes, KeyBytes);
            Buffer.MemoryCopy(key, ShownKey(record), KeyBytes, KeyBytes);
            Buffer.MemoryCopy(value, Records.ValueOf(record), ValueBytes, ValueBytes);
            if (old == null)
            {
                Table.Insert(record, hash);
                if (_perLength[length]++ == 0)
                    Volatile.Write(ref _lengths[length / 64], _lengths[length / 64] | (1UL << (int)(length % 64)));
                return 0;
            }
            Table.Replace(old, record);
            Records.GiveBack(old);
            return 0;
        }
    }

    internal override int Delete(byte* key)
    {
        var length = Unsafe.ReadUnaligned<uint>(key);
        if (length > _maximum)
            return -Errno.Invalid;
        var masked = stackalloc byte[KeyBytes];
        CopyMasked(key, masked, length);
        lock (Records)
        {
            var record = Table.Find(masked, Table.Hash(masked));
            if (record == null)
                return -Errno.NoEntry;
            Table.Remove(record);
            Records.GiveBack(record);
            if (--_perLength[length] == 0)
                Volatile.Write(ref _lengths[length / 64], _lengths[length / 64] & ~(1UL << (int)(length % 64)));
            return 0;
        }
    }

    internal override int Copy(byte* key, byte* value)
    {
        lock (Records)
        {
            var record = Match(key);
            if (record == null)
                return -Errno.NoEntry;
            Buffer.MemoryCopy(Records.ValueOf(record), value, ValueBytes, ValueBytes);
            return 0;
        }
    }

    private protected override byte* ShownKey(Record* record) => RecordPool.KeyOf(record) + PaddedBytes(Shape);

    private Record* Match(byte* key)
    {
        var limit = Math.Min(Unsafe.ReadUnaligned<uint>(key), (uint)_maximum);
        var masked = stackalloc byte[KeyBytes];
        for (var word = (int)(limit / 64); word >= 0; word--)
        {
            var lengths = Volatile.Read(ref _lengths[word]);
            if (word == (int)(limit / 64))
                lengths &= ulong.MaxValue >> (63 - (int)(limit % 64));
            while (lengths != 0)
            {
                var bit = BitOperations.Log2(lengths);
                lengths &= ~(1UL << bit);
                CopyMasked(key, masked, (uint)((word * 64) + bit));
                var record = Table.Find(masked, Table.Hash(masked));
                if (record != null)
                    return record;
            }
        }
        return null;
    }

    private protected override Record* At(byte* key)
    {
        var length = Unsafe.ReadUnaligned<uint>(key);
        if (length > _maximum)
            return null;
        var masked = stackalloc byte[KeyBytes];
        CopyMasked(key, masked, length);
        return Table.Find(masked, Table.Hash(masked));
    }

    private void CopyMasked(byte* key, byte* masked, uint length)
    {
        Unsafe.WriteUnaligned(masked, length);
        var whole = (int)(length / 8);
        var bytes = KeyBytes - LengthBytes;
        Buffer.MemoryCopy(key + LengthBytes, masked + LengthBytes, whole, whole);
        if (whole == bytes)
            return;
        new Span<byte>(masked + LengthBytes + whole, bytes - whole).Clear();
        var rest = (int)(length % 8);
        if (rest != 0)
            masked[LengthBytes + whole] = (byte)(key[LengthBytes + whole] & (0xFF00 >> rest));
    }
}
