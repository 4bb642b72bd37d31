using System.Text.Json;
using System.Text.Json.Serialization;
using Cilium.Core;

namespace Cilium.Kubernetes.Decoding;

/// <summary>Reads one member of an object into its form in a row; null is the empty form.</summary>
internal abstract class RowConverter<T> : JsonConverter<T>
{
    public override bool HandleNull => true;

    // Rows are not written.
    public override void Write(Utf8JsonWriter writer, T value, JsonSerializerOptions options) => throw new NotSupportedException($"{typeof(T)} is only read");
}

/// <summary>Reads an array of objects into rows.</summary>
internal abstract class RowListConverter<T> : RowConverter<EquatableArray<T>>
{
    public sealed override EquatableArray<T> Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => Read(ref reader);

    /// <summary>Reads the array that the reader is at.</summary>
    public EquatableArray<T> Read(ref Utf8JsonReader reader)
    {
        if (!MemberReader.IsArray(ref reader))
        {
            return [];
        }

        var rows = new List<T>();
        var index = 0;
        try
        {
            for (; MemberReader.NextElement(ref reader); index++)
            {
                if (TryRead(ref reader, out var row))
                {
                    rows.Add(row);
                }
            }
        }
        catch (MemberException exception)
        {
            exception.Under($"[{index}]");
            throw;
        }

        return [.. rows];
    }

    /// <summary>Reads the element that the reader is at; false for one that is left out, since one bad entry must not hide its neighbours.</summary>
    protected abstract bool TryRead(ref Utf8JsonReader reader, out T row);
}
