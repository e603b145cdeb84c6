import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.DriverManager;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.ResultSetMetaData;
import java.sql.SQLException;
import java.sql.Statement;
import java.sql.Timestamp;
import java.sql.Types;
import java.util.StringJoiner;

/**
 * Asks a database through JDBC, and writes what it says as JSON lines. One source file, run as it is:
 *
 * <pre>java -cp JARS Jdbc.java URL query       rows of the statement on standard input, one object per line
 * java -cp JARS Jdbc.java URL prepared    the same as a prepared statement, in parts of three rows
 * java -cp JARS Jdbc.java URL metadata TABLE
 *                                         what tools like DBeaver ask when they open a connection and a table</pre>
 */
public class Jdbc {
    public static void main(String[] args) throws Exception {
        try (Connection connection = DriverManager.getConnection(args[0])) {
            switch (args[1]) {
                case "query" -> query(connection, statement());
                case "prepared" -> prepared(connection, statement());
                case "metadata" -> metadata(connection, args[2]);
                default -> throw new IllegalArgumentException("what is " + args[1] + "?");
            }
        }
    }

    private static String statement() throws Exception {
        return new String(System.in.readAllBytes(), "UTF-8");
    }

    private static void query(Connection connection, String sql) throws SQLException {
        try (Statement statement = connection.createStatement(); ResultSet rows = statement.executeQuery(sql)) {
            print(rows);
        }
    }

    private static void prepared(Connection connection, String sql) throws SQLException {
        connection.setReadOnly(true);
        connection.setAutoCommit(false);
        try (PreparedStatement statement = connection.prepareStatement(sql)) {
            statement.setFetchSize(3);
            try (ResultSet rows = statement.executeQuery()) {
                print(rows);
            }
        }
        connection.commit();
    }

    /** One line per kind of thing: {"what": "table", "rows": [...]}. */
    private static void metadata(Connection connection, String table) throws SQLException {
        DatabaseMetaData about = connection.getMetaData();
        String version = about.getDatabaseProductName() + " " + about.getDatabaseProductVersion();
        System.out.println("{\"what\":\"product\",\"rows\":[{\"name\":" + text(version) + "}]}");
        list("catalogs", about::getCatalogs);
        list("schemas", about::getSchemas);
        list("tableTypes", about::getTableTypes);
        list("tables", () -> about.getTables(null, "public", "%", null));
        list("views", () -> about.getTables(null, "public", "%", new String[] {"VIEW"}));
        list("columns", () -> about.getColumns(null, "public", table, "%"));
        list("primaryKeys", () -> about.getPrimaryKeys(null, "public", table));
        list("importedKeys", () -> about.getImportedKeys(null, "public", table));
        list("exportedKeys", () -> about.getExportedKeys(null, "public", table));
        list("indexInfo", () -> about.getIndexInfo(null, "public", table, false, true));
    }

    private interface Question {
        ResultSet ask() throws SQLException;
    }

    private static void list(String what, Question question) {
        StringJoiner all = new StringJoiner(",", "{\"what\":" + text(what) + ",\"rows\":[", "]}");
        try (ResultSet rows = question.ask()) {
            while (rows.next()) {
                all.add(row(rows));
            }
            System.out.println(all);
        } catch (SQLException | RuntimeException error) {
            System.out.println("{\"what\":" + text(what) + ",\"error\":" + text(String.valueOf(error.getMessage())) + "}");
        }
    }

    private static void print(ResultSet rows) throws SQLException {
        while (rows.next()) {
            System.out.println(row(rows));
        }
    }

    private static String row(ResultSet rows) throws SQLException {
        ResultSetMetaData columns = rows.getMetaData();
        StringJoiner row = new StringJoiner(",", "{", "}");
        for (int i = 1; i <= columns.getColumnCount(); i++) {
            row.add(text(columns.getColumnLabel(i)) + ":" + value(rows, i, columns.getColumnType(i)));
        }
        return row.toString();
    }

    private static String value(ResultSet rows, int column, int type) throws SQLException {
        // Arrow's driver has no object for an instant with a zone.
        boolean instant = type == Types.TIMESTAMP || type == Types.TIMESTAMP_WITH_TIMEZONE;
        Object value = instant ? rows.getTimestamp(column) : rows.getObject(column);
        if (value == null) {
            return "null";
        }
        if (value instanceof Timestamp at) {
            return text(at.toInstant().toString());
        }
        return value instanceof Number || value instanceof Boolean ? value.toString() : text(value.toString());
    }

    /** A text in JSON's quotes. */
    private static String text(String text) {
        StringBuilder quoted = new StringBuilder("\"");
        text.chars().forEach(c -> {
            if (c == '"' || c == '\\') {
                quoted.append('\\').append((char) c);
            } else if (c < 0x20) {
                quoted.append(String.format("\\u%04x", c));
            } else {
                quoted.append((char) c);
            }
        });
        return quoted.append('"').toString();
    }
}
