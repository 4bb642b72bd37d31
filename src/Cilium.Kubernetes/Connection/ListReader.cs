using System.Text.Json;
using Cilium.Kubernetes.Wire;

namespace Cilium.Kubernetes;

/// <summary>Reads a list while it arrives, and hands out each item as its own bytes; it never holds more than one item and what came with it.</summary>
/// <remarks>The whole answer of a large cluster is tens of megabytes, which would be touched once and then wait for the collector.</remarks>
internal sealed class ListReader(ListReader.ItemHandler onItem)
{
    private const int FirstBytes = 32 * 1024;
    private const int MaximumItemBytes = 1 << 30;

    private JsonReaderState _state;
    private Place _place = Place.Before;
    private ListMetaWire? _metadata;
    private bool _sawItems;

    /// <summary>Takes an item; the bytes are valid during the call.</summary>
    public delegate void ItemHandler(ReadOnlySpan<byte> item);

    private enum Place
    {
        Before,
        InList,
        InItems,
        Behind,
    }

    /// <summary>Reads to the end.</summary>
    /// <returns>The list's metadata.</returns>
    /// <exception cref="JsonException">It is no list; items may have been handed out before.</exception>
    /// <exception cref="IOException">The stream broke, or an item is longer than a gigabyte.</exception>
    public async Task<ListMetaWire> ReadAsync(Stream stream, CancellationToken cancellationToken)
    {
        using var buffer = new ReceiveBuffer(stream, FirstBytes, MaximumItemBytes, "an item of a list");
        bool isLast;
        do
        {
            isLast = !await buffer.ReceiveAsync(cancellationToken).ConfigureAwait(false);
            buffer.Advance(Take(buffer.Span, isLast));
        }
        while (!isLast);
        return _place == Place.Behind && _sawItems && _metadata?.ResourceVersion is { Length: > 0 }
            ? _metadata
            : throw new JsonException("a list needs items and a resource version");
    }

    /// <summary>Reads all that is whole.</summary>
    /// <returns>How many bytes that was.</returns>
    private int Take(ReadOnlySpan<byte> bytes, bool isLast)
    {
        var reader = new Utf8JsonReader(bytes, isLast, _state);
        while (true)
        {
            var before = reader;
            if (!TryStep(ref reader, bytes))
            {
                _state = before.CurrentState;
                return (int)before.BytesConsumed;
            }
        }
    }

    /// <summary>Reads one member of the list or one item; false when it is not whole yet, or nothing is left.</summary>
    private bool TryStep(ref Utf8JsonReader reader, ReadOnlySpan<byte> bytes)
    {
        if (!reader.Read())
        {
            return false;
        }

        switch (_place)
        {
            case Place.Before:
                _place = reader.TokenType == JsonTokenType.StartObject ? Place.InList : throw new JsonException("a list must be a JSON object");
                return true;
            case Place.InList when reader.TokenType == JsonTokenType.EndObject:
                _place = Place.Behind;
                return true;
            case Place.InList:
                return TryMember(ref reader, bytes);
            case Place.InItems when reader.TokenType == JsonTokenType.EndArray:
                _place = Place.InList;
                return true;
            case Place.InItems:
                var start = (int)reader.TokenStartIndex;
                if (!reader.TrySkip())
                {
                    return false;
                }

                onItem(bytes[start..(int)reader.BytesConsumed]);
                return true;
            default:
                throw new JsonException("something follows the list");
        }
    }

    private bool TryMember(ref Utf8JsonReader reader, ReadOnlySpan<byte> bytes)
    {
        var isItems = reader.ValueTextEquals("items"u8);
        var isMetadata = reader.ValueTextEquals("metadata"u8);
        if (!reader.Read())
        {
            return false;
        }

        if (isItems && reader.TokenType != JsonTokenType.Null)
        {
            _place = reader.TokenType == JsonTokenType.StartArray ? Place.InItems : throw new JsonException("the items of a list must be an array");
            _sawItems = true;
            return true;
        }

        var start = (int)reader.TokenStartIndex;
        if (!reader.TrySkip())
        {
            return false;
        }

        _sawItems |= isItems;
        if (isMetadata)
        {
            _metadata = JsonSerializer.Deserialize(bytes[start..(int)reader.BytesConsumed], WireJson.Default.ListMetaWire);
        }

        return true;
    }
}
