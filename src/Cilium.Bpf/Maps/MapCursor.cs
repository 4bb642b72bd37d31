using Cilium.Bpf.Native;

namespace Cilium.Bpf;

/// <summary>
/// One walk over a map. Hash maps are read bucket by bucket, so an entry present throughout is seen exactly once whatever is
/// deleted meanwhile. Tries are followed by key; a key deleted under the walk restarts it, so repeated keys are dropped.
/// </summary>
/// <typeparam name="TKey">The key.</typeparam>
/// <typeparam name="TValue">The value.</typeparam>
public sealed unsafe class MapCursor<TKey, TValue>
    where TKey : unmanaged
    where TValue : unmanaged
{
    private readonly BpfMap<TKey, TValue> _map;
    private readonly HashSet<TKey>? _seen;
    private readonly byte[] _position;
    private TKey[] _keys;
    private TValue[] _values;
    private int _barrenRounds;
    private bool _byKey;
    private bool _hasPosition;
    private bool _ended;

    internal MapCursor(BpfMap<TKey, TValue> map, int batch)
    {
        _map = map;
        var capacity = (int)Math.Clamp(map.Shape.MaxEntries, 1, (uint)batch);
        _keys = new TKey[capacity];
        _values = new TValue[capacity];
        _position = new byte[Math.Max(sizeof(TKey), 8)];
        _seen = map.Shape.IsHash || map.Shape.Type == MapType.Array ? null : [];
    }

    /// <summary>Reads the next entries; the spans are valid until the next call. Returns false at the end.</summary>
    public bool Next(out ReadOnlySpan<TKey> keys, out ReadOnlySpan<TValue> values)
    {
        while (!_ended)
        {
            var count = _byKey ? ReadByKey() : ReadBatch();
            if (_seen is not null && count > 0)
                count = DropRepeated(count);
            if (count > 0)
            {
                keys = _keys.AsSpan(0, count);
                values = _values.AsSpan(0, count);
                return true;
            }
        }
        keys = default;
        values = default;
        return false;
    }

    private int ReadBatch()
    {
        var count = (uint)_keys.Length;
        int result;
        fixed (TKey* k = _keys)
        fixed (TValue* v = _values)
        fixed (byte* position = _position)
            result = _map.Backend.LookupBatch(_hasPosition ? position : null, position, k, v, &count);
        switch (-result)
        {
            case <= 0:
                _hasPosition = true;
                return (int)count;
            case Errno.NoEntry:
                _ended = true;
                return (int)count;
            case Errno.NoSpace:
                // A bucket holds more than the buffer: read it again into a larger one.
                _keys = new TKey[_keys.Length * 2];
                _values = new TValue[_keys.Length];
                return 0;
            case Errno.Interrupted:
                // Kernels from about 5.19 to 6.13 do not get over an empty place of an array of maps and would say so for ever. What they read until
                // there has arrived, and the position is its last key, from which single steps go on.
                _byKey = true;
                _hasPosition |= count > 0;
                return (int)count;
            case Errno.Invalid or Errno.OpNotSupported or Errno.NotSupported when !_hasPosition:
                _byKey = true;
                return 0;
            default:
                throw new KernelException("bpf_map_lookup_batch", -result, _map.Name);
        }
    }

    private int ReadByKey()
    {
        var count = 0;
        fixed (byte* position = _position)
        {
            while (count < _keys.Length)
            {
                TKey next;
                var result = _map.Backend.NextKey(_hasPosition ? position : null, &next);
                if (result == -Errno.NoEntry)
                {
                    _ended = true;
                    break;
                }
                if (result < 0)
                    throw new KernelException("bpf_map_get_next_key", -result, _map.Name);
                *(TKey*)position = next;
                _hasPosition = true;
                if (!_map.TryLookup(next, out var value))
                    continue;
                _keys[count] = next;
                _values[count++] = value;
            }
        }
        return count;
    }

    private int DropRepeated(int count)
    {
        var kept = 0;
        for (var i = 0; i < count; i++)
        {
            if (!_seen!.Add(_keys[i]))
                continue;
            _keys[kept] = _keys[i];
            _values[kept++] = _values[i];
        }
        // A restart reads all that was seen once more before there can be anything new. Restarts that bring nothing for longer mean that the writer is
        // faster than the walk: what was seen is the answer.
        _barrenRounds = kept == 0 ? _barrenRounds + 1 : 0;
        if (_barrenRounds > 16 + (_seen!.Count / _keys.Length))
            _ended = true;
        return kept;
    }
}
