using System.Runtime.InteropServices;

namespace Cilium.Benchmarks.Maps;

/// <summary>The loops of native/map_updates.c, called in this process.</summary>
internal sealed unsafe class NativeMapCalls(string library)
{
    private readonly nint _library = NativeLibrary.Load(library);

    /// <summary>Runs one of the library's loops. The keys and values are laid out as its structs.</summary>
    /// <exception cref="InvalidOperationException">The kernel refused an operation.</exception>
    public void Run<TKey, TValue>(string loop, int map, ReadOnlySpan<TKey> keys, ReadOnlySpan<TValue> values)
        where TKey : unmanaged
        where TValue : unmanaged
    {
        var call = (delegate* unmanaged<int, void*, void*, int, int>)NativeLibrary.GetExport(_library, loop);
        fixed (TKey* k = keys)
        fixed (TValue* v = values)
        {
            var result = call(map, k, v, keys.Length);
            if (result != 0)
                throw new InvalidOperationException($"{loop}: error {-result}");
        }
    }
}
