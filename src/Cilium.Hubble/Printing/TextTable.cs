namespace Cilium.Hubble.Printing;

/// <summary>Prints rows of cells with aligned columns; the last cell of a row is not padded.</summary>
public static class TextTable
{
    /// <summary>Writes the rows.</summary>
    /// <param name="writer">Where to.</param>
    /// <param name="rows">The rows; they may differ in length.</param>
    /// <param name="spacing">Spaces between columns.</param>
    public static void Write(TextWriter writer, IReadOnlyList<string[]> rows, int spacing)
    {
        ArgumentNullException.ThrowIfNull(writer);
        ArgumentNullException.ThrowIfNull(rows);
        var widths = new List<int>();
        foreach (var row in rows)
        {
            for (var i = 0; i < row.Length; i++)
            {
                if (i == widths.Count)
                {
                    widths.Add(0);
                }

                // The last cell of a row does not widen its column.
                if (i < row.Length - 1)
                {
                    widths[i] = Math.Max(widths[i], row[i].Length);
                }
            }
        }

        foreach (var row in rows)
        {
            for (var i = 0; i < row.Length; i++)
            {
                writer.Write(i < row.Length - 1 ? row[i].PadRight(widths[i] + spacing) : row[i]);
            }

            writer.WriteLine();
        }
    }
}
