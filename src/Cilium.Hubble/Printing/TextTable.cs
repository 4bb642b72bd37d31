namespace Cilium.Hubble.Printing;

/// <summary>Prints rows of cells with aligned columns; rows end with their last character.</summary>
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
            writer.WriteLine(string.Concat(row.Select((cell, i) => i < row.Length - 1 ? cell.PadRight(widths[i] + spacing) : cell)).TrimEnd());
        }
    }
}
